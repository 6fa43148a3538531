"""Starting a server that has a million alarms to wake: how long, and in how much memory.

    python benchmarks/alarms.py [--alarms 1000000] [--hosts 2] [--json FILE]

The catalogue is filled beforehand: in one case the alarms are spread over the next day, in the
other all are overdue, as after a long stop. A start is timed from the process to `server.started`,
memory is what the coordinator holds some seconds later, beside that of a server without alarms.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import hashlib
import json
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from servers import APP

from sourdough.clock import SYSTEM_CLOCK
from sourdough.coordinator.catalogue import CATALOGUE_FILE, Catalogue
from sourdough.coordinator.control import Status
from sourdough.coordinator.control_client import ControlClient
from sourdough.coordinator.server_file import read_server_file
from sourdough.observe.status import Snapshot

DAY_MS = 24 * 3600 * 1000
# After this long everything that a start does in the background has been done.
SETTLED_SECONDS = 5.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--alarms", type=int, default=1_000_000)
    parser.add_argument("--hosts", type=int, default=2)
    parser.add_argument("--json")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="sourdough-bench-", dir=Path.home()) as folder:
        results = {
            "none": measure(Path(folder) / "none", 0, options.hosts),
            "over a day": measure(Path(folder) / "day", options.alarms, options.hosts),
            "overdue": measure(
                Path(folder) / "overdue", options.alarms, options.hosts, overdue=True
            ),
        }
    for name, (seconds, mebibytes, left) in results.items():
        print(
            f"{name:12} start {seconds:5.2f} s   coordinator {mebibytes:6.1f} MiB   left {left:9,}"
        )
    if options.json:
        Path(options.json).write_text(json.dumps(results, indent=2))


def measure(
    project: Path, alarms: int, hosts: int, *, overdue: bool = False
) -> tuple[float, float, int]:
    """Return seconds to the start, MiB of the coordinator, and the alarms that are left then."""
    shutil.copytree(APP, project)
    storage = project / ".sourdough"
    storage.mkdir()
    fill(storage, alarms, overdue=overdue)
    began = time.perf_counter()
    with serving(project, hosts) as process:
        for line in process.stdout:
            if json.loads(line)["event"] == "server.started":
                break
        seconds = time.perf_counter() - began
        time.sleep(SETTLED_SECONDS)
        answered = ask_status(storage)
        memory = resident(process.pid)
    assert answered, "the coordinator did not answer"
    with contextlib.closing(sqlite3.connect(storage / CATALOGUE_FILE)) as database:
        [[left]] = database.execute("SELECT count(*) FROM alarms").fetchall()
    return seconds, memory / (1 << 20), left


def fill(storage: Path, alarms: int, *, overdue: bool) -> None:
    """Write alarms into a new catalogue, spread evenly over a day."""

    async def make() -> None:
        catalogue = await Catalogue.open(storage)
        await catalogue.close()

    asyncio.run(make())
    now = int(SYSTEM_CLOCK.now() * 1000)
    first = now - 2 * DAY_MS if overdue else now + 60_000
    rows = (
        ("Counter", hashlib.sha256(b"%d" % number).digest(), first + number * DAY_MS // alarms,
         f"counter-{number}")
        for number in range(alarms)
    )  # fmt: skip
    with contextlib.closing(sqlite3.connect(storage / CATALOGUE_FILE)) as database:
        database.executemany(
            "INSERT INTO alarms (storage, id, due, name) VALUES (?, ?, ?, ?)", rows
        )
        database.commit()


@contextlib.contextmanager
def serving(project: Path, hosts: int):
    """Run `sourdough serve` in a project."""
    process = subprocess.Popen(
        [sys.executable, "-m", "sourdough_cli", "serve", "--port", "0", "--hosts", str(hosts)],
        cwd=project, stdout=subprocess.PIPE, text=True, start_new_session=True,
    )  # fmt: skip
    try:
        yield process
    finally:
        process.terminate()
        process.wait(30)
        process.stdout.close()


def ask_status(storage: Path) -> bool:
    """Say whether the coordinator answers within a second."""
    found = read_server_file(storage)
    assert found is not None
    with ControlClient.connect(found.control, version="benchmark", seconds=1.0) as client:
        return bool(client.ask(Status(), Snapshot))


def resident(pid: int) -> int:
    """Return the resident bytes of a process (Linux)."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


if __name__ == "__main__":
    main()
