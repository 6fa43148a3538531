"""Members of rooms, over real WebSockets: each numbers what it says, and keeps what it hears."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

if TYPE_CHECKING:
    from collections.abc import Sequence

# Between two messages of one member: together a steady load, and some are always on their way.
_PAUSE_SECONDS = 0.1


@dataclass(slots=True, eq=False)
class Member:
    """One client. `said` counts from 1; `heard` is every message in the order it came."""

    room: str
    name: str
    said: int = 0
    heard: list[str] = field(default_factory=list)
    ended: ConnectionClosed | None = None
    _connection: ClientConnection | None = None
    _tasks: list[asyncio.Task[None]] = field(default_factory=list)
    _silent: bool = False

    async def join(self, url: str) -> None:
        """Connect, and begin to listen."""
        address = f"ws{url.removeprefix('http')}/room/{self.room}/join?member={self.name}"
        self._connection = await connect(
            address, compression=None, ping_interval=None, open_timeout=30
        )
        self._tasks.append(asyncio.create_task(self._listen(self._connection)))

    def talk(self) -> None:
        """Begin to say something every now and then."""
        assert self._connection is not None
        self._tasks.append(asyncio.create_task(self._talk(self._connection)))

    def fall_silent(self) -> None:
        """Say no more; what is said is said."""
        self._silent = True

    async def leave(self) -> None:
        """Close, and end."""
        self.fall_silent()
        if self._connection is not None:
            await self._connection.close()
        await asyncio.gather(*self._tasks)

    async def _listen(self, connection: ClientConnection) -> None:
        try:
            while True:
                message = await connection.recv()
                assert isinstance(message, str)
                self.heard.append(message)
        except ConnectionClosed as error:
            self.ended = error

    async def _talk(self, connection: ClientConnection) -> None:
        try:
            while not self._silent:
                await connection.send(f"{self.name}:{self.said + 1}")
                self.said += 1
                await asyncio.sleep(_PAUSE_SECONDS)
        except ConnectionClosed:
            return  # `_listen` keeps why


def by_sender(messages: Sequence[str]) -> dict[str, list[int]]:
    """Return the numbers of each sender's messages, in the order they came."""
    found: dict[str, list[int]] = {}
    for message in messages:
        name, _, number = message.partition(":")
        found.setdefault(name, []).append(int(number))
    return found
