"""The coordinator runs in another process; this one is attached to it over its control socket."""

from __future__ import annotations

import asyncio
import os
import socket
from typing import TYPE_CHECKING

from sourdough.coordinator.control import (
    LENGTH_BYTES,
    MAX_REPLY_BYTES,
    PROTOCOL,
    Attach,
    ControlError,
    Failed,
    Hello,
    Register,
    body_length,
    decode_from_server,
    encode,
)
from sourdough.coordinator.facts import installed_version
from sourdough.coordinator.server_file import read_server_file
from sourdough.errors import DurableObjectError
from sourdough.transport.channel import SocketChannel
from sourdough.transport.process import connect_unix
from sourdough.wire.messages import ToChild

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from sourdough.coordinator.control import Reply, Request, WantedClass
    from sourdough.library.member import Member
    from sourdough.wire.messages import Message


class Following:
    """Somebody else's coordinator."""

    def __init__(self, control: str, mode: str) -> None:
        self._control = control
        self.mode = mode
        """How it was started: "library" by a program, else by a command."""
        self._channel: SocketChannel | None = None
        self._early: list[Message] = []
        self.ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    @classmethod
    async def attach(
        cls, storage: Path, member: Member, classes: Sequence[WantedClass]
    ) -> Following | None:
        """Attach to the coordinator of a folder; None when there is none that answers.

        Raises ControlError with the reason for which it refuses.
        """
        server = read_server_file(storage)
        if server is None or not server.coordinator.alive:
            return None
        try:
            connection = await _asked(
                server.control, Attach(pid=os.getpid(), classes=tuple(classes))
            )
        except (OSError, EOFError):
            return None  # it has just ended, or does not listen yet
        self = cls(server.control, server.mode)
        await self._listen(connection, member)
        return self

    async def _listen(self, connection: socket.socket, member: Member) -> None:
        def receive(message: Message) -> None:
            if self._channel is None:
                self._early.append(message)
            else:
                member.receive(message)

        self._channel = await SocketChannel.open(connection, ToChild, receive, self._over)
        member.follow(self._channel, connect_unix)
        early, self._early = self._early, []
        for message in early:
            member.receive(message)

    async def register(self, classes: Sequence[WantedClass]) -> None:
        """Have the hosts run these classes too. Raises SourdoughError when they cannot."""
        try:
            connection = await _asked(self._control, Register(classes=tuple(classes)))
        except (OSError, EOFError) as error:
            raise DurableObjectError(
                "The coordinator of this storage folder has ended.", retryable=True
            ) from error
        connection.close()

    async def leave(self) -> None:
        """Detach; the coordinator lives on."""
        self.detach()

    def detach(self) -> None:
        """Close the connection."""
        if self._channel is not None:
            self._channel.close()

    def _over(self) -> None:
        if not self.ended.done():
            self.ended.set_result(None)


async def _asked(path: str, request: Request) -> socket.socket:
    """Connect, greet and ask; return the connection, read up to the end of the answer.

    Raises ControlError for a refusal, OSError or EOFError where nobody answers.
    """
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    connection.setblocking(False)
    try:
        await asyncio.get_running_loop().sock_connect(connection, path)
        for message in (Hello(protocol=PROTOCOL, version=installed_version()), request):
            _accepted(await _exchange(connection, message))
    except BaseException:
        connection.close()
        raise
    return connection


def _accepted(reply: Hello | Reply) -> None:
    if isinstance(reply, Failed):
        raise ControlError(reply)


async def _exchange(connection: socket.socket, message: Hello | Request) -> Hello | Reply:
    await asyncio.get_running_loop().sock_sendall(connection, encode(message))
    length = body_length(await _read(connection, LENGTH_BYTES), MAX_REPLY_BYTES)
    return decode_from_server(await _read(connection, length))


async def _read(connection: socket.socket, size: int) -> bytes:
    """Read exactly so much: what follows belongs to somebody else."""
    data = bytearray()
    while len(data) < size:
        chunk = await asyncio.get_running_loop().sock_recv(connection, size - len(data))
        if not chunk:
            raise EOFError
        data += chunk
    return bytes(data)
