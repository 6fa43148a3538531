"""Starts and ends the servers that are measured."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from urllib.request import urlopen

HERE = Path(__file__).parent
APP = HERE / "app"


class Serving:
    """A server process with the URL it answers at."""

    def __init__(self, process: subprocess.Popen, url: str) -> None:
        self.process = process
        self.url = url

    @property
    def port(self) -> int:
        return int(self.url.rpartition(":")[2])


@contextlib.contextmanager
def sourdough(*, hosts: int, standby: bool = False, app: Path = APP):
    """Run `sourdough serve` on a copy of the application, with storage on a real disk."""
    with tempfile.TemporaryDirectory(prefix="sourdough-bench-", dir=Path.home()) as folder:
        project = Path(folder) / "app"
        project.mkdir()
        for file in app.iterdir():
            if file.is_file():
                (project / file.name).write_bytes(file.read_bytes())
        with (project / "sourdough.toml").open("a") as config:
            config.write(f"\n[serve]\nstandby = {str(standby).lower()}\n")
        command = [sys.executable, "-m", "sourdough_cli", "serve", "--port", "0"]
        with _started([*command, "--hosts", str(hosts)], project) as process:
            for line in process.stdout:
                record = json.loads(line)
                if record["event"] == "server.started":
                    break
            else:
                raise SystemExit("sourdough did not start")
            serving = Serving(process, record["url"])
            serving.project = project
            _drain(process)
            yield serving


@contextlib.contextmanager
def uvicorn():
    """Run the bare application under uvicorn, without its access log."""
    command = [sys.executable, "-m", "uvicorn", "bare:app", "--port", "0", "--no-access-log"]
    command += ["--loop", "uvloop", "--http", "httptools", "--lifespan", "off"]
    with _started(command, APP) as process:
        for line in process.stdout:
            found = re.search(r"http://\S+:\d+", line)
            if found:
                break
        else:
            raise SystemExit("uvicorn did not start")
        serving = Serving(process, found[0])
        _drain(process)
        while True:
            with contextlib.suppress(OSError), urlopen(serving.url, timeout=1):
                break
            time.sleep(0.05)
        yield serving


@contextlib.contextmanager
def _started(command, folder):
    process = subprocess.Popen(
        command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        start_new_session=True, env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
    )  # fmt: skip
    try:
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(15)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _drain(process):
    """Read and forget what the server prints, so that it never waits for us."""
    import threading

    threading.Thread(target=process.stdout.read, daemon=True).start()
