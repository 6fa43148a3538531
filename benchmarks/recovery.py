"""How long a person or a client waits: after a host was killed, for `--help`, for `dev`.

    python benchmarks/recovery.py [--kills 20] [--full-kills 5] [--json FILE]

A kill is timed from SIGKILL to the first good answer of an object of the killed host, asked for
again every 2 ms on new connections. Beside a full journal the killed host had as many commits that
were not folded as its journal may hold: three segments, counts of 200 objects.
"""

from __future__ import annotations

import argparse
import contextlib
import http.client
import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from load import run
from servers import sourdough

from sourdough.clock import SystemClock
from sourdough.storage.journal.marker import KEEP_SEGMENTS
from sourdough.storage.journal.segments import FOLDER, SEGMENT_BYTES

PATIENCE_SECONDS = 60.0
_OBJECTS = 200
# What a live journal grows to: the segments that are kept, and the current one.
_FULL_BYTES = (KEEP_SEGMENTS + 1) * SEGMENT_BYTES


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--full-kills", type=int, default=5)
    parser.add_argument("--json")
    options = parser.parse_args()
    results = {
        "help_ms": _help(),
        "dev_ready_ms": _dev_ready(),
        "kill_ms": kills(options.kills, standby=False),
        "kill_with_standby_ms": kills(options.kills, standby=True),
        "full_kill_ms": kills(options.full_kills, standby=False, full=True),
        "full_kill_with_standby_ms": kills(options.full_kills, standby=True, full=True),
    }
    for name, times in results.items():
        print(
            f"{name:26} median {statistics.median(times):7.1f}   min {min(times):7.1f}"
            f"   max {max(times):7.1f}   of {len(times)}"
        )
    if options.json:
        Path(options.json).write_text(json.dumps(results, indent=2))


def kills(
    count: int, *, standby: bool, full: bool = False, folder: Path | None = None
) -> list[float]:
    """Kill the first of two hosts `count` times; return milliseconds of each.

    full: its journal holds as much as it may.
    """
    with sourdough(hosts=2, standby=standby, folder=folder) as serving:
        path = _object_of_host_1(serving)
        return [_kill(serving, path, full=full) for _ in range(count)]


def _kill(serving, path: str, *, full: bool) -> float:
    status = _wait_until_whole(serving)
    if full:
        _fill(serving)
    began = time.perf_counter()
    os.kill(status["hosts"][0]["pid"], signal.SIGKILL)
    while not _answers(serving.port, path):
        if time.perf_counter() - began > PATIENCE_SECONDS:
            raise TimeoutError(f"{path} is not answered after the kill")
        time.sleep(0.002)
    return (time.perf_counter() - began) * 1e3


def _fill(serving) -> None:
    """Count in many objects until the journal of the first host is as long as it gets."""
    patience = time.monotonic() + PATIENCE_SECONDS
    while _journal_bytes(serving) < _FULL_BYTES:
        if time.monotonic() > patience:
            raise TimeoutError("the journal of the first host is not full")
        run(serving.url, "/counter/o%d", connections=32, seconds=1, objects=_OBJECTS)


def _journal_bytes(serving) -> int:
    found = 0
    for segment in serving.project.rglob(f"{FOLDER}/1-*.segment"):
        with contextlib.suppress(FileNotFoundError):
            found += segment.stat().st_size
    return found


def _object_of_host_1(serving) -> str:
    """Return the path of an object whose database exists, in the first host's slots."""
    for number in range(100):
        path = f"/counter/o{number}"
        assert _answers(serving.port, path)
        report = _json(serving, "inspect", f"COUNTER:o{number}")
        if report["seat"] == 1:
            return path
    raise SystemExit("no object belongs to the first host")


def _wait_until_whole(serving) -> dict:
    """Wait until every host serves and has done so for longer than a crash streak."""
    patience = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < patience:
        status = _json(serving, "status")
        hosts = [*status["hosts"], *([status["standby"]] if status["standby"] else [])]
        ready = all(each["state"] in {"serving", "ready"} for each in hosts)
        standby = status["standby"] is not None or "standby = false" in _config(serving)
        settled = SystemClock().now() - status["hosts"][0]["since"] > 10
        if ready and standby and settled:
            return status
        time.sleep(0.2)
    raise TimeoutError("a killed host or the standby is not back")


def _config(serving) -> str:
    return (serving.project / "sourdough.toml").read_text()


def _json(serving, *arguments: str) -> dict:
    command = [sys.executable, "-m", "sourdough_cli", *arguments, "--json"]
    return json.loads(subprocess.check_output(command, cwd=serving.project))


def _answers(port: int, path: str) -> bool:
    with contextlib.suppress(OSError, http.client.HTTPException):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
        try:
            connection.request("GET", path)
            return connection.getresponse().status == 200
        finally:
            connection.close()
    return False


def _help(runs: int = 10) -> list[float]:
    command = [Path(sys.executable).parent / "sourdough", "--help"]
    return [_timed(lambda: subprocess.check_output(command)) for _ in range(runs)]


def _dev_ready(runs: int = 5) -> list[float]:
    return [_timed_dev() for _ in range(runs)]


def _timed_dev() -> float:
    with tempfile.TemporaryDirectory(prefix="sourdough-bench-", dir=Path.home()) as folder:
        command = [sys.executable, "-m", "sourdough_cli"]
        subprocess.check_output([*command, "new", "app"], cwd=folder)
        began = time.perf_counter()
        process = subprocess.Popen(
            [*command, "dev", "--port", "0", "--plain"], cwd=f"{folder}/app",
            stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        try:
            for line in process.stdout:
                if "http://" in line:
                    return (time.perf_counter() - began) * 1e3
        finally:
            process.terminate()
            process.wait()
    raise SystemExit("dev did not start")


def _timed(act) -> float:
    began = time.perf_counter()
    act()
    return (time.perf_counter() - began) * 1e3


if __name__ == "__main__":
    main()
