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

    project: Path
    """Where `sourdough.toml` is, of a Sourdough server."""

    def __init__(self, process: subprocess.Popen, url: str) -> None:
        self.process = process
        self.url = url

    @property
    def port(self) -> int:
        return int(self.url.rpartition(":")[2])


@contextlib.contextmanager
def sourdough(
    *,
    hosts: int,
    standby: bool = False,
    app: Path = APP,
    engine: str = "journal",
    folder: Path | None = None,
):
    """Run `sourdough serve` on a copy of the application, with storage on a real disk.

    With `folder` copy and storage stay there, and another start finds them.
    """
    with _kept_or_temporary(folder) as place:
        project = place / "app"
        if not project.exists():
            _copy(app, project, standby=standby, engine=engine)
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


def _kept_or_temporary(folder: Path | None):
    if folder is not None:
        return contextlib.nullcontext(folder)
    temporary = tempfile.TemporaryDirectory(prefix="sourdough-bench-", dir=Path.home())
    return _entered(temporary)


@contextlib.contextmanager
def _entered(temporary):
    with temporary as name:
        yield Path(name)


def _copy(app: Path, project: Path, *, standby: bool, engine: str) -> None:
    project.mkdir(parents=True)
    for file in app.iterdir():
        if file.is_file():
            (project / file.name).write_bytes(file.read_bytes())
    with (project / "sourdough.toml").open("a") as config:
        config.write(f"\n[serve]\nstandby = {str(standby).lower()}\n")
        config.write(f'\n[storage]\ndurability_engine = "{engine}"\n')


@contextlib.contextmanager
def workerd(program: Path, folder: Path, app: Path = APP):
    """Run workerd with objects of the same shape, storage on disk in a folder that stays."""
    storage = folder / "storage"
    storage.mkdir(parents=True, exist_ok=True)
    command = [str(program), "serve", str(app / "workerd" / "config.capnp"), "--control-fd=1"]
    with _started([*command, f"--directory-path=disk={storage}"], folder) as process:
        for line in process.stdout:
            if line.startswith('{"event":"listen"'):
                break
        else:
            raise SystemExit("workerd did not start")
        serving = Serving(process, f"http://127.0.0.1:{json.loads(line)['port']}")
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
            time.sleep(0.002)
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
