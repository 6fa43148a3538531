"""Running a server in front of a screen: what `dev` and `serve` have in common."""

from __future__ import annotations

import asyncio
import os
import sys
from typing import TYPE_CHECKING

import uvloop

from sourdough.clock import SystemClock
from sourdough.coordinator.server import Server
from sourdough.coordinator.test_mode import clock_of
from sourdough_cli.screen.choice import ScreenKind, choose_screen, reflows
from sourdough_cli.screen.output import DescriptorOutput

if TYPE_CHECKING:
    from collections.abc import Callable

    from sourdough.coordinator.options import ServerOptions
    from sourdough_cli.screen.choice import Choice
    from sourdough_cli.screen.protocol import Screen

_STDIN, _STDOUT = 0, 1


def run_server(options: ServerOptions, *, plain: bool) -> int:
    """Run a server until it ends; return its exit code.

    Raises SourdoughError for whatever keeps it from serving. The terminal is in order again
    before this returns or raises.
    """
    choice = choose_screen(
        mode=options.mode,
        is_terminal=os.isatty(_STDOUT),
        plain=plain,
        env=os.environ,
        one_process=options.hosts == 0,
    )
    clock = clock_of(os.environ)
    # The keys reach a server that is made after the screen, because it needs the screen.
    quit_, reload = (lambda: server.stop()), (lambda: server.reload())  # noqa: PLW0108
    screen = _screen(choice, quit_=quit_, reload=reload)
    server: Server = Server(options, on_record=screen.record, clock=clock)
    server.on_started = lambda: screen.banner(server.banner())
    screen.start(server.snapshot)
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            return runner.run(server.run())
    finally:
        screen.stop()


def _screen(choice: Choice, *, quit_: Callable[[], None], reload: Callable[[], None]) -> Screen:
    clock = SystemClock()
    output = DescriptorOutput(_STDOUT, getattr(sys.stdout, "encoding", None) or "utf-8")
    if choice.kind is ScreenKind.JSON:
        from sourdough_cli.screen.jsonscreen import JsonScreen

        return JsonScreen(output, clock)
    if choice.kind is ScreenKind.PLAIN:
        from sourdough_cli.screen.plain import PlainScreen

        return PlainScreen(output, clock)
    from sourdough_cli.screen.live import Actions, LiveScreen
    from sourdough_cli.screen.terminal import Terminal

    return LiveScreen(
        output,
        clock,
        terminal=Terminal(_STDOUT),
        keys=_STDIN if os.isatty(_STDIN) else None,
        actions=Actions(quit=quit_, reload=reload),
        colour=choice.colour,
        reflow=reflows(os.environ),
    )
