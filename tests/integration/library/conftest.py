"""Programs with the library, run as processes of their own."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import pytest

PROGRAM = Path(__file__).parent / "program.py"


class Program:
    """A running program; `said` reads what it prints as JSON, line by line."""

    def __init__(self, process):
        self.process = process
        self.pid = process.pid

    async def said(self):
        line = await self.process.stdout.readline()
        assert line, (await self.process.stderr.read()).decode()
        return json.loads(line)

    def tell(self, name, method, *args, class_="Tally"):
        command = {"name": name, "method": method, "args": args, "class": class_}
        self.process.stdin.write(json.dumps(command).encode() + b"\n")

    async def ask(self, name, method, *args, class_="Tally"):
        self.tell(name, method, *args, class_=class_)
        return await self.said()

    def kill(self):
        self.process.send_signal(signal.SIGKILL)

    async def end(self):
        """Close its input, on which it leaves in order; return its exit code."""
        self.process.stdin.close()
        return await self.process.wait()


@asynccontextmanager
async def running(*arguments, **options):
    """Run Python with arguments; it is gone afterwards."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-W",
        "error",
        *map(str, arguments),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        **options,
    )
    try:
        yield Program(process)
    finally:
        if process.returncode is None:
            process.kill()
        # Drains its output as well, so that no pipe is left open.
        await process.communicate()


@pytest.fixture
async def start(tmp_path):
    """Start a program on the storage folder of this test; `await start()` when it is there."""
    async with AsyncExitStack() as stack:

        async def begin(hosts=1):
            return await stack.enter_async_context(running(PROGRAM, tmp_path / "data", hosts))

        yield begin


async def until(condition):
    """Wait until something holds, which nobody tells."""
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(0.01)


def is_running(pid):
    """Whether a process is there; a zombie is not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        if not Path("/proc/self").exists():  # another system: ask by a signal
            try:
                os.kill(pid, 0)
            except ProcessLookupError:
                return False
            return True
        return False
