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

import processor_time
import workerd_package
from processes import resident_bytes
from servers import Serving, sourdough, workerd
from socket_load import Order

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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=3.0)
    parser.add_argument("--broadcasts", type=int, default=20)
    parser.add_argument("--idle", type=int, default=10_000)
    parser.add_argument("--rooms", type=int, default=1000, help="objects of the idle sockets")
    parser.add_argument("--only", default="", help="only cases whose name contains this")
    parser.add_argument("--json")
    options = parser.parse_args()
    results = []
    with started() as servers:
        for case in (each for each in CASES if options.only in each.name):
            found = {who: [] for who in servers}
            for number in range(options.rounds):
                for who in list(servers)[:: 1 if number % 2 == 0 else -1]:
                    found[who].append(measured(case, servers[who], options))
            results += [row(case, who, rounds) for who, rounds in found.items()]
            print_rows(results[-len(servers) :])
    if options.only in "idle":
        results += idle(options.idle, options.rooms)
    if options.json:
        Path(options.json).write_text(json.dumps(results, indent=1))


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


def measured(case: Case, server: Serving, options) -> dict:
    """Run one round; with the processor time of a message, by process."""
    roles = processor_time.roles(server)
    before = processor_time.seconds(roles)
    order = case.order(server.port, seconds=options.seconds, times=options.broadcasts)
    found = json.loads(subprocess.check_output(loading(order), timeout=options.seconds + 120))
    after = processor_time.seconds(roles)
    messages = found.get("messages") or order.times * order.sockets
    return found | {"cpu_us": processor_time.each_request(before, after, messages)}


def loading(order: Order) -> list[str]:
    return [sys.executable, str(HERE / "socket_load.py"), json.dumps(asdict(order))]


def row(case: Case, who: str, rounds: list[dict]) -> dict:
    """Return the medians of all rounds."""

    def median(value) -> float:
        return statistics.median(map(value, rounds))

    told = {"case": case.name, "who": who, "durability": case.durability}
    told["cpu_us"] = {
        role: median(lambda each, role=role: each["cpu_us"][role]) for role in rounds[0]["cpu_us"]
    }
    if case.what == "echo":
        told["per_second"] = median(lambda each: each["messages"] / each["seconds"])
        return told | {at: median(lambda each, at=at: each[at]) * 1e3 for at in ("p50", "p99")}
    took = [sorted(each["took"]) for each in rounds]
    return told | {
        "p50": statistics.median(map(statistics.median, took)) * 1e3,
        "p99": statistics.median(each[-1] for each in took) * 1e3,
    }


def print_rows(rows: list[dict]) -> None:
    for each in rows:
        rate = f"{each['per_second']:9,.0f}/s" if "per_second" in each else f"{'':11}"
        cpu = ", ".join(f"{role} {us:.0f}" for role, us in each["cpu_us"].items() if us >= 1)
        print(
            f"{each['case']:46} {each['who']:10} {rate}  p50 {each['p50']:7.2f} ms"
            f"  p99 {each['p99']:7.2f} ms  [{each['durability']}]  us each: {cpu}",
            flush=True,
        )


# --- idle


def idle(sockets: int, rooms: int) -> list[dict]:
    """Open many sockets and let their objects sleep, in servers that have done nothing before."""
    results = []
    with started() as servers:
        for who, server in servers.items():
            found = {"case": f"{sockets:,} idle sockets, {rooms:,} objects", "who": who}
            try:
                found |= slept(server, sockets, rooms)
            except NotConnectedError as error:
                print(f"{found['case']:46} {who:10} not measured: {error}", flush=True)
                continue
            results.append(found)
            took = found["woken_ms"]
            print(
                f"{found['case']:46} {who:10} {found['kib']:6.1f} KiB each in {found['where']},"
                f" {found['awake']} objects awake, waking one: median {took['median']:.2f} ms,"
                f" slowest of {WOKEN} {took['slowest']:.2f} ms",
                flush=True,
            )
    return results


def slept(server: Serving, sockets: int, rooms: int) -> dict:
    gateway = hasattr(server, "project")
    pids = processor_time.roles(server)["gateway"] if gateway else [server.process.pid]
    # Its first request and socket bring what all of them share.
    subprocess.check_output(loading(warm(server)), timeout=60)
    before = sum(map(resident_bytes, pids))
    order = Order(
        what="idle", port=server.port, path="/echo/i%d", sockets=sockets, rooms=rooms, times=WOKEN
    )
    client = subprocess.Popen(
        loading(order), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    with client:
        if not client.stdout.readline():
            raise NotConnectedError("not every socket was accepted in time")
        time.sleep(ASLEEP_SECONDS)
        after = sum(map(resident_bytes, pids))
        awake = objects(server) if gateway else "?"
        print(file=client.stdin, flush=True)
        took = sorted(json.loads(client.stdout.readline())["took"])
    return {
        "kib": (after - before) / sockets / 1024,
        "where": "the gateway" if gateway else "all of it",
        "awake": awake,
        "woken_ms": {"median": statistics.median(took) * 1e3, "slowest": took[-1] * 1e3},
    }


def warm(server: Serving) -> Order:
    return Order(what="echo", port=server.port, path="/echo/warm", sockets=8, seconds=0.5)


def objects(server: Serving) -> int:
    """Return how many objects are in memory."""
    command = [sys.executable, "-m", "sourdough_cli", "status", "--json"]
    status = json.loads(subprocess.check_output(command, cwd=server.project))
    return sum(each["objects"] for each in status["hosts"])


if __name__ == "__main__":
    main()
