"""A server started from the real command line, and the promise that nothing of it is left.

Every process of a server, also one that user code forked, carries a mark in its environment; by
it they are found in /proc, counted and ended. The server's lines are read by threads of ours, so
it never waits for us; whoever waits for a line waits for that line, never for a time.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
import uuid
from collections import deque
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Self, TypeVar

import msgspec

from sourdough.coordinator.control import Advance, Moved, Status
from sourdough.coordinator.control_client import ControlClient
from sourdough.coordinator.server_file import read_server_file
from sourdough.coordinator.test_mode import VARIABLE as TEST_CLOCK
from sourdough.observe.status import Snapshot

if TYPE_CHECKING:
    from collections.abc import Callable

Told = TypeVar("Told")

START_SECONDS = 20.0
STOP_SECONDS = 20.0
_MARK = "SOURDOUGH_TEST_MARK"
_POLL_SECONDS = 0.01


class RunningServer:
    """`sourdough dev --plain` or `sourdough serve` on a free port, in a project's folder."""

    def __init__(
        self,
        project: Path,
        mode: str = "serve",
        *words: str,
        ready: bool = True,
        ahead: float | None = None,
    ) -> None:
        """ahead: start in test mode, with the clock so many seconds ahead; see `advance`."""
        self.project = project
        self.json = mode == "serve" and "--plain" not in words
        self.mark = uuid.uuid4().hex
        test_clock = {} if ahead is None else {TEST_CLOCK: f"+{ahead}"}
        plain = ["--plain"] if mode == "dev" else []
        self.process = subprocess.Popen(
            [sys.executable, "-m", "sourdough_cli", mode, "--port", "0", *plain, *words],
            cwd=project,
            env={**os.environ, _MARK: self.mark, **test_clock},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        self.pid = self.process.pid
        self._changed = threading.Condition()
        self._out: list[str] = []
        self._errors: list[str] = []
        self._open = 2
        assert self.process.stdout is not None
        assert self.process.stderr is not None
        self._readers = [
            threading.Thread(target=self._read, args=(stream, lines), daemon=True)
            for stream, lines in (
                (self.process.stdout, self._out), (self.process.stderr, self._errors),
            )
        ]  # fmt: skip
        for reader in self._readers:
            reader.start()
        self.url = ""
        if ready:
            try:
                self._wait_until_ready()
            except BaseException:
                self.close()
                raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        if kind is not None:
            sys.stdout.write(self.everything())
        self.close()

    # --- its life

    def _wait_until_ready(self) -> None:
        if self.json:
            self.url = self.wait_for_event("server.started", seconds=START_SECONDS)["url"]
        else:
            line = self.wait_for_line(lambda line: "  serving http" in line, START_SECONDS)
            self.url = next(word for word in line.split() if word.startswith("http://"))

    @property
    def port(self) -> int:
        return int(self.url.rpartition(":")[2])

    def signal(self, number: int) -> None:
        os.kill(self.pid, number)

    def stop(self, seconds: float = STOP_SECONDS) -> int:
        """Send SIGTERM and wait for the end; return the exit code."""
        if self.process.poll() is None:
            self.signal(signal.SIGTERM)
        return self.wait(seconds)

    def wait(self, seconds: float = STOP_SECONDS) -> int:
        """Wait for the server's own end; return its exit code."""
        return self.process.wait(seconds)

    def close(self) -> None:
        """End everything; fails when something had outlived a server that ended by itself."""
        ended = self.process.poll() is not None
        if not ended:
            self.signal(signal.SIGTERM)
            try:
                self.process.wait(STOP_SECONDS)
                ended = True
            except subprocess.TimeoutExpired:
                ended = False
        left = self.left_after(10.0) if ended else []
        for pid in self.pids():
            _kill(pid)
        self.process.wait(5)
        assert not self.left_after(10.0)
        for reader in self._readers:
            reader.join(5)
        for stream in (self.process.stdout, self.process.stderr):
            assert stream is not None
            stream.close()
        assert ended, f"the server did not stop within {STOP_SECONDS} s\n{self.everything()}"
        assert not left, f"outlived the server: {left}"

    # --- its processes

    def pids(self) -> dict[int, str]:
        """Return every living process of this server, with its command line."""
        found = {}
        wanted = f"{_MARK}={self.mark}".encode()
        for entry in Path("/proc").iterdir():
            if not entry.name.isdigit():
                continue
            try:
                marked = wanted in (entry / "environ").read_bytes().split(b"\0")
                command = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode()
            except OSError:  # it is gone, or becoming something else
                continue
            if marked:
                found[int(entry.name)] = command
        return found

    def children(self, role: str) -> list[int]:
        """Return the pids of the living hosts ("host") or gateways ("gateway")."""
        return [pid for pid, command in self.pids().items() if f"-m sourdough.{role} " in command]

    def left_after(self, seconds: float) -> dict[int, str]:
        """Return what still lives when `seconds` are over, sooner when nothing does."""
        wait_until(lambda: not self.pids(), seconds)
        return self.pids()

    # --- what it says

    def status(self) -> Any:
        """Return what `sourdough status --json` says, without a process for each question."""
        return json.loads(msgspec.json.encode(self._ask(Status(), Snapshot)))

    def advance(self, seconds: float) -> Moved:
        """Move the clocks of a server in test mode; return what the time is then.

        What became due has happened, and runs of alarms that take no second have ended.
        """
        return self._ask(Advance(seconds=seconds), Moved)

    def _ask(self, request: Any, answer: type[Told]) -> Told:
        found = read_server_file(self.project / ".sourdough")
        assert found is not None
        client = ControlClient.connect(found.control, version="test", seconds=15)
        assert client is not None, "no server listens"
        with client:
            return client.ask(request, answer)

    def command(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run another `sourdough` command in the project."""
        return command(self.project, *words)

    def lines(self) -> list[str]:
        with self._changed:
            return list(self._out)

    def errors(self) -> str:
        with self._changed:
            return "\n".join(self._errors)

    def everything(self) -> str:
        """Return the last of what the server said, for the report of a failure."""
        with self._changed:
            out, errors = deque(self._out, 200), deque(self._errors, 100)
        return "\n".join(["--- stdout", *out, "--- stderr", *errors])

    def events(self, name: str | None = None) -> list[Any]:
        """Return the JSON lines so far, those of one event when it is named."""
        found = [json.loads(line) for line in self.lines()]
        return [each for each in found if name is None or each["event"] == name]

    def wait_for_line(
        self, wanted: Callable[[str], bool], seconds: float = 10.0, *, after: int = 0
    ) -> str:
        """Return the first line, from number `after` on, that is wanted; fail in time."""
        deadline = time.monotonic() + seconds
        seen = after
        with self._changed:
            while True:
                for line in self._out[seen:]:
                    if wanted(line):
                        return line
                seen = max(seen, len(self._out))
                left = deadline - time.monotonic()
                if left <= 0 or (not self._open and seen == len(self._out)):
                    break
                self._changed.wait(left)
        raise AssertionError(f"the line never came\n{self.everything()}")

    def wait_for_event(
        self, name: str, seconds: float = 10.0, *, after: int = 0, **fields: Any
    ) -> Any:
        """Return the first JSON line of an event, whose fields are as given."""

        def wanted(line: str) -> bool:
            event = json.loads(line)
            return event["event"] == name and fields.items() <= event.items()

        return json.loads(self.wait_for_line(wanted, seconds, after=after))

    def _read(self, stream: IO[bytes], lines: list[str]) -> None:
        for line in stream:
            with self._changed:
                lines.append(line.decode("utf-8", "replace").rstrip("\n"))
                self._changed.notify_all()
        with self._changed:
            self._open -= 1
            self._changed.notify_all()


def command(project: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run a `sourdough` command in a project to its end."""
    return subprocess.run(
        [sys.executable, "-m", "sourdough_cli", *words],
        cwd=project, capture_output=True, text=True, timeout=30, check=False,
    )  # fmt: skip


def wait_until(condition: Callable[[], Any], seconds: float) -> Any:
    """Return the first true value of a condition that has no event to wait for, or the last."""
    deadline = time.monotonic() + seconds
    while not (found := condition()) and time.monotonic() < deadline:
        time.sleep(_POLL_SECONDS)
    return found


def _kill(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return
