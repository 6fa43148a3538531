"""Large bodies through gateway and hosts: throughput, and the peak memory of each process.

    python benchmarks/streams.py [--mb 1024] [--json FILE]

A body that is not collected anywhere shows as a peak that does not grow with its size. Peaks are the
largest that was seen every 50 ms.
"""

from __future__ import annotations

import argparse
import http.client
import json
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Self

from servers import sourdough

APP = Path(__file__).parent / "streaming"
PIECE = bytes(256 * 1024)
WAYS = {
    "download": ("GET", "/streamer/a/download"),
    "upload": ("POST", "/streamer/a/upload"),
    "download through another object": ("GET", "/streamer/a/relay"),
    "download of an ASGI app": ("GET", "/app/a/download"),
    "upload to an ASGI app": ("POST", "/app/a/upload"),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mb", type=int, default=1024)
    parser.add_argument("--json")
    options = parser.parse_args()
    results = {name: measure(*way, options.mb) for name, way in WAYS.items()}
    for name, found in results.items():
        peaks = ", ".join(f"{each} {size:.0f}" for each, size in found["grown_mb"].items())
        print(f"{name:32} {found['mb_per_s']:6.0f} MB/s   grown by (MB): {peaks}")
    if options.json:
        Path(options.json).write_text(json.dumps(results, indent=2))


def measure(method: str, path: str, megabytes: int) -> dict:
    """Return throughput, and by how much each process has grown; a server of its own for each."""
    with sourdough(hosts=2, app=APP) as serving:
        transfer(serving.port, method, path, 1)
        with Peaks(serving.project) as peaks:
            began = time.perf_counter()
            transfer(serving.port, method, path, megabytes)
            seconds = time.perf_counter() - began
    return {"mb_per_s": megabytes / seconds, "grown_mb": peaks.grown()}


def transfer(port: int, method: str, path: str, megabytes: int) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=600)
    size = megabytes * 1024 * 1024
    if method == "POST":
        body = (PIECE for _ in range(size // len(PIECE)))
        connection.request("POST", path, body, {"content-length": str(size)})
        told = json.loads(connection.getresponse().read())["size"]
    else:
        connection.request("GET", f"{path}?mb={megabytes}")
        answer, told = connection.getresponse(), 0
        buffer = memoryview(bytearray(len(PIECE)))
        while got := answer.readinto(buffer):
            told += got
    assert told == size, (told, size)
    connection.close()


class Peaks:
    """The largest memory of each process of a server, while it is entered."""

    def __init__(self, project: Path) -> None:
        command = [sys.executable, "-m", "sourdough_cli", "status", "--json"]
        status = json.loads(subprocess.check_output(command, cwd=project))
        self._pids = {"coordinator": status["coordinator"]["pid"]}
        for kind in ("gateways", "hosts"):
            for each in status[kind]:
                self._pids[f"{kind[:-1]} {each['index']}"] = each["pid"]
        self._over = threading.Event()
        self._watching = threading.Thread(target=self._watch)

    def __enter__(self) -> Self:
        self._before = {name: resident(pid) for name, pid in self._pids.items()}
        self._peak = dict(self._before)
        self._watching.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._watching.join()

    def _watch(self) -> None:
        while not self._over.wait(0.05):
            for name, pid in self._pids.items():
                self._peak[name] = max(self._peak[name], resident(pid))

    def grown(self) -> dict[str, float]:
        """Return by how many MB each process was larger than before."""
        return {name: (self._peak[name] - self._before[name]) / 1e6 for name in self._pids}


def resident(pid: int) -> int:
    """Return the resident bytes of a process."""
    told = subprocess.check_output(["ps", "-o", "rss=", "-p", str(pid)], text=True)
    return int(told) * 1024


if __name__ == "__main__":
    main()
