"""A program with a live screen and no server behind it, for the tests of a real terminal."""

from __future__ import annotations

import asyncio
import os
import signal
import sys

import uvloop

from sourdough.clock import SystemClock
from sourdough.observe.banner import Banner
from sourdough.observe.records import Output, ReloadDone, ServerStopped
from sourdough.observe.status import CoordinatorStatus, HostStatus, Snapshot, State
from sourdough_cli.screen.choice import choose_screen
from sourdough_cli.screen.live import Actions, LiveScreen
from sourdough_cli.screen.output import DescriptorOutput
from sourdough_cli.screen.terminal import Terminal

CLOCK = SystemClock()
STARTED = CLOCK.now()


def snapshot() -> Snapshot:
    host = HostStatus(index=1, pid=os.getpid(), state=State.SERVING, since=STARTED, objects=61)
    return Snapshot(
        version="0.1.0",
        name="program",
        url="http://127.0.0.1:8787",
        storage=".sourdough",
        durability="disk",
        sync_seconds=None,
        coordinator=CoordinatorStatus(pid=os.getpid(), since=STARTED, mode="dev"),
        gateways=(),
        hosts=(host,),
        standby=None,
        table_version=1,
        objects_known=61,
    )


BANNER = Banner(
    version="0.1.0",
    name="program",
    mode="dev",
    python="3",
    url="http://127.0.0.1:8787",
    routes=(),
    storage=".sourdough",
    durability="disk",
    sync_seconds=None,
    watched_files=1,
)


async def main() -> None:
    loop = asyncio.get_running_loop()
    done = asyncio.Event()
    loop.add_signal_handler(signal.SIGINT, done.set)
    screen = LiveScreen(
        DescriptorOutput(1),
        CLOCK,
        terminal=Terminal(1),
        keys=0,
        colour=choose_screen(mode="dev", is_terminal=True, plain=False, env=os.environ).colour,
        actions=Actions(
            quit=lambda: loop.call_soon_threadsafe(done.set),
            reload=lambda: screen.record(
                ReloadDone(ts=CLOCK.now(), files=("counter.py",), ms=140, objects=119)
            ),
        ),
    )
    screen.start(snapshot)
    screen.banner(BANNER)
    for number in range(3):
        screen.record(Output(ts=CLOCK.now(), level="info", text=f"line {number}"))
    sys.stdout.write("stray\n")
    await done.wait()
    screen.record(ServerStopped(ts=CLOCK.now(), seconds=0.3, clean=True))
    screen.stop()
    if os.environ.get("PROGRAM_RAISES"):
        raise RuntimeError("after the screen")


with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
    runner.run(main())
