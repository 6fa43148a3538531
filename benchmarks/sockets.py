"""WebSockets: echoes per second, a broadcast to many, and what idle ones cost. Beside workerd.

    python benchmarks/sockets.py [--rounds 3] [--seconds 3] [--idle 10000] [--json FILE] [--only TEXT]

Both servers run at the same time and are loaded in turn, one host and one process of workerd. The
clients are in a process of their own (`socket_load.py`). All sockets are ones that hibernate.
"""

from __future__ import annotations

import argparse
import contextlib
import functools
import json
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import processor_time
import workerd_package
from processes import resident_bytes
from results import IdleSockets, SocketResult
from servers import Serving, sourdough, workerd
from socket_load import Order

if TYPE_CHECKING:
    from collections.abc import Callable

HERE = Path(__file__).parent
APP = HERE / "sockets_app"
US, WORKERD = "Sourdough", "workerd"
# Both put an object to sleep that nothing happened to for ten seconds.
ASLEEP_SECONDS = 15.0
WOKEN = 50


class NotConnectedError(Exception):
    """A server did not take all sockets."""


@dataclass(frozen=True, kw_only=True)
class Case:
    """Something to measure in rounds."""

    name: str
    what: str
    path: str
    sockets: int
    rooms: int
    durability: str

    def order(self, port: int, *, seconds: float, times: int) -> Order:
        return Order(
            what=self.what, port=port, path=self.path, sockets=self.sockets, rooms=self.rooms,
            seconds=seconds, times=times,
        )  # fmt: skip


def echoes(path: str, name: str, durability: str) -> list[Case]:
    shapes = ((1, 1, "1 socket"), (32, 1, "32 sockets, 1 object"),
              (1000, 50, "1,000 sockets, 50 objects"))  # fmt: skip
    return [
        Case(name=f"{name}, {shape}", what="echo", path=path, sockets=sockets, rooms=rooms,
             durability=durability)
        for sockets, rooms, shape in shapes
    ]  # fmt: skip


CASES = [
    *echoes("/echo/e%d", "echo", "stores nothing"),
    *echoes("/stored/s%d", "echo behind a write", "disk"),
    Case(name="broadcast to 1,000 sockets", what="broadcast", path="/room/r%d", sockets=1000,
         rooms=1, durability="stores nothing"),
]  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Plan:
    """How much of everything."""

    rounds: int = 3
    seconds: float = 3.0
    broadcasts: int = 20
    idle: int = 10_000
    rooms: int = 1_000
    """Objects of the idle sockets."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=Plan.rounds)
    parser.add_argument("--seconds", type=float, default=Plan.seconds)
    parser.add_argument("--broadcasts", type=int, default=Plan.broadcasts)
    parser.add_argument("--idle", type=int, default=Plan.idle)
    parser.add_argument("--rooms", type=int, default=Plan.rooms, help="objects of the idle sockets")
    parser.add_argument("--only", default="", help="only cases whose name contains this")
    parser.add_argument("--json")
    options = vars(parser.parse_args())
    only, json_file = options.pop("only"), options.pop("json")
    plan = Plan(**options)
    found: list[SocketResult | IdleSockets] = []

    def keep(result: SocketResult | IdleSockets) -> None:
        found.append(result)
        print(line(result), flush=True)

    in_rounds([each for each in CASES if only in each.name], plan, keep)
    if only in "idle":
        while_idle(plan, keep)
    if json_file:
        Path(json_file).write_text(json.dumps([asdict(each) for each in found], indent=1))


@contextlib.contextmanager
def started():
    """Run both servers, each with storage of its own on a real disk."""
    with contextlib.ExitStack() as stack:
        folder = Path(
            stack.enter_context(
                tempfile.TemporaryDirectory(prefix="sourdough-bench-", dir=Path.home())
            )
        )
        yield {who: stack.enter_context(start(folder / who)) for who, start in contenders()}


def contenders():
    found = [(US, lambda folder: sourdough(hosts=1, app=APP, folder=folder))]
    try:
        program = workerd_package.install()
    except workerd_package.NotInstalledError as error:
        print(f"workerd is not measured: {error}", file=sys.stderr)
        return found
    return [*found, (WORKERD, functools.partial(workerd, program, app=APP))]


# --- in rounds


def in_rounds(cases: list[Case], plan: Plan, found: Callable[[SocketResult], None]) -> None:
    """Load both servers in turn, case after case."""
    with started() as servers:
        for case in cases:
            rounds = {who: [] for who in servers}
            for number in range(plan.rounds):
                for who in list(servers)[:: 1 if number % 2 == 0 else -1]:
                    rounds[who].append(measured(case, servers[who], plan))
            for who, each in rounds.items():
                found(result(case, who, each))


def measured(case: Case, server: Serving, plan: Plan) -> dict:
    """Run one round; with the processor time of a message, by process."""
    roles = processor_time.roles(server)
    before = processor_time.seconds(roles)
    order = case.order(server.port, seconds=plan.seconds, times=plan.broadcasts)
    found = json.loads(subprocess.check_output(loading(order), timeout=plan.seconds + 120))
    after = processor_time.seconds(roles)
    messages = found.get("messages") or order.times * order.sockets
    return found | {"cpu_us": processor_time.each_request(before, after, messages)}


def loading(order: Order) -> list[str]:
    return [sys.executable, str(HERE / "socket_load.py"), json.dumps(asdict(order))]


def result(case: Case, who: str, rounds: list[dict]) -> SocketResult:
    """Return the medians of all rounds."""

    def median(value) -> float:
        return statistics.median(map(value, rounds))

    cpu_us = {
        role: median(lambda each, role=role: each["cpu_us"][role]) for role in rounds[0]["cpu_us"]
    }
    per_second = None
    if case.what == "echo":
        per_second = median(lambda each: each["messages"] / each["seconds"])
        p50, p99 = (median(lambda each, at=at: each[at]) for at in ("p50", "p99"))
    else:
        took = [sorted(each["took"]) for each in rounds]
        p50 = statistics.median(map(statistics.median, took))
        p99 = statistics.median(each[-1] for each in took)
    return SocketResult(
        case=case.name, who=who, durability=case.durability, per_second=per_second,
        p50_ms=p50 * 1e3, p99_ms=p99 * 1e3, cpu_us=cpu_us,
    )  # fmt: skip


def line(found: SocketResult | IdleSockets) -> str:
    """Return a result for a terminal."""
    if isinstance(found, IdleSockets):
        return (
            f"{found.case:46} {found.who:10} {found.kib:6.1f} KiB each in {found.where},"
            f" {found.awake} objects awake, waking one: median {found.woken_ms:.2f} ms,"
            f" slowest of {WOKEN} {found.slowest_ms:.2f} ms"
        )
    rate = "" if found.per_second is None else f"{found.per_second:9,.0f}/s"
    cpu = ", ".join(f"{role} {us:.0f}" for role, us in found.cpu_us.items() if us >= 1)
    return (
        f"{found.case:46} {found.who:10} {rate:11}  p50 {found.p50_ms:7.2f} ms"
        f"  p99 {found.p99_ms:7.2f} ms  [{found.durability}]  us each: {cpu}"
    )


# --- idle


def while_idle(plan: Plan, found: Callable[[IdleSockets], None]) -> None:
    """Open many sockets and let their objects sleep, in servers that have done nothing before."""
    with started() as servers:
        for who, server in servers.items():
            try:
                found(slept(who, server, plan))
            except NotConnectedError as error:
                print(f"{plan.idle:,} idle sockets, {who}: not measured: {error}", flush=True)


def slept(who: str, server: Serving, plan: Plan) -> IdleSockets:
    gateway = hasattr(server, "project")
    pids = processor_time.roles(server)["gateway"] if gateway else [server.process.pid]
    # Its first request and socket bring what all of them share.
    subprocess.check_output(loading(warm(server)), timeout=60)
    before = sum(map(resident_bytes, pids))
    order = Order(
        what="idle", port=server.port, path="/echo/i%d", sockets=plan.idle, rooms=plan.rooms,
        times=WOKEN,
    )  # fmt: skip
    client = subprocess.Popen(
        loading(order), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    with client:
        if not client.stdout.readline():
            raise NotConnectedError("not every socket was accepted in time")
        time.sleep(ASLEEP_SECONDS)
        after = sum(map(resident_bytes, pids))
        awake = str(objects(server)) if gateway else "?"
        print(file=client.stdin, flush=True)
        took = sorted(json.loads(client.stdout.readline())["took"])
    return IdleSockets(
        case=f"{plan.idle:,} idle sockets, {plan.rooms:,} objects",
        who=who,
        kib=(after - before) / plan.idle / 1024,
        where="the gateway" if gateway else "all of it",
        awake=awake,
        woken_ms=statistics.median(took) * 1e3,
        slowest_ms=took[-1] * 1e3,
    )


def warm(server: Serving) -> Order:
    return Order(what="echo", port=server.port, path="/echo/warm", sockets=8, seconds=0.5)


def objects(server: Serving) -> int:
    """Return how many objects are in memory."""
    command = [sys.executable, "-m", "sourdough_cli", "status", "--json"]
    status = json.loads(subprocess.check_output(command, cwd=server.project))
    return sum(each["objects"] for each in status["hosts"])


if __name__ == "__main__":
    main()
