"""A child of the coordinator: a process with a control channel, or its twin in this process.

The process is started with inherited descriptors and nothing else from us: its end of the control
channel, its listening socket, the folder lock. What it prints is read into bounded pieces, so it
never waits for a terminal (invariant P7). Its death is what the kernel says (invariant P3).
"""

from __future__ import annotations

import asyncio
import os
import socket
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import Callable, Sequence
from typing import Any, Protocol

from sourdough.transport.channel import Channel, SocketChannel
from sourdough.wire.messages import FromChild, Message

# A line of output longer than this is cut; a child that prints without end must not fill us.
_MAX_LINE = 16 * 1024

OnMessage = Callable[[Any], None]
OnOutput = Callable[[str, str], None]
"""(stream: "stdout" or "stderr", line)"""
OnExit = Callable[[int], None]


class Child(Protocol):
    """What the coordinator holds of a child."""

    pid: int

    def send(self, message: Message) -> None:
        """Send a control message."""

    def kill(self) -> None:
        """End it at once; `on_exit` follows."""

    def signal(self, number: int) -> None:
        """Send it a signal."""


class ChildProcess:
    """A child in a process of its own."""

    def __init__(self, process: Process, channel: Channel) -> None:
        self.pid = process.pid
        self._process = process
        self._channel = channel

    @classmethod
    async def spawn(
        cls,
        arguments: Sequence[str],
        *,
        listening: socket.socket,
        lock_fd: int,
        on_message: OnMessage,
        on_output: OnOutput,
        on_exit: OnExit,
    ) -> ChildProcess:
        """Start a process. `arguments` follow the interpreter; descriptors are appended."""
        ours, theirs = socket.socketpair()
        descriptors = (theirs.fileno(), listening.fileno(), lock_fd)
        try:
            process = await asyncio.create_subprocess_exec(
                *arguments,
                "--control-fd", str(descriptors[0]),
                "--listen-fd", str(descriptors[1]),
                "--lock-fd", str(descriptors[2]),
                "--parent", str(os.getpid()),
                stdin=DEVNULL, stdout=PIPE, stderr=PIPE,
                pass_fds=descriptors,
                # Before its first instruction: a Ctrl-C that met an importing child would end it.
                start_new_session=True,
                env={**os.environ, "PYTHONUNBUFFERED": "1"},
            )  # fmt: skip
        except BaseException:
            ours.close()
            raise
        finally:
            theirs.close()
        channel = await SocketChannel.open(ours, FromChild, on_message, lambda: None)
        child = cls(process, channel)
        child._watch(on_output, on_exit)
        return child

    def send(self, message: Message) -> None:
        self._channel.send(message)

    def kill(self) -> None:
        if self._process.returncode is None:
            self._process.kill()

    def signal(self, number: int) -> None:
        if self._process.returncode is None:
            self._process.send_signal(number)

    def _watch(self, on_output: OnOutput, on_exit: OnExit) -> None:
        assert self._process.stdout is not None
        assert self._process.stderr is not None
        readers = [
            asyncio.create_task(_read_lines(self._process.stdout, "stdout", on_output)),
            asyncio.create_task(_read_lines(self._process.stderr, "stderr", on_output)),
        ]
        self._waiting = asyncio.create_task(self._wait(readers, on_exit))

    async def _wait(self, readers: list[asyncio.Task[None]], on_exit: OnExit) -> None:
        code = await self._process.wait()
        # Output that is already in the pipe belongs before the line about the end; a grandchild
        # that keeps the pipe open must not delay us.
        await asyncio.wait(readers, timeout=0.2)
        for reader in readers:
            reader.cancel()
        self._channel.close()
        on_exit(code)


async def _read_lines(stream: asyncio.StreamReader, name: str, on_output: OnOutput) -> None:
    rest = b""
    while chunk := await stream.read(_MAX_LINE):
        *lines, rest = (rest + chunk).split(b"\n")
        for line in lines:
            on_output(name, line.decode("utf-8", "replace").rstrip("\r"))
        if len(rest) > _MAX_LINE:
            on_output(name, rest.decode("utf-8", "replace"))
            rest = b""
    if rest:
        on_output(name, rest.decode("utf-8", "replace"))
