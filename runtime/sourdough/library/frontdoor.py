"""The gateway of a program with `serve`: clients on one side, the program's own `fetch` on the other.

It is the gateway of every server, in this process, with one place to send requests to: the
entrypoint of the member, over a link in memory. Hosts know it besides, by a number of its own, and
hold the WebSockets of its clients as those of any gateway (invariant W1). It outlives coordinators,
and so do those sockets: the hosts of the next are told of them.
"""

from __future__ import annotations

import asyncio
import os
import secrets
from typing import TYPE_CHECKING

import msgspec

from sourdough.clock import SYSTEM_CLOCK
from sourdough.config.model import DurableObjects
from sourdough.config.packed import pack
from sourdough.gateway.gateway import Gateway
from sourdough.observe.records import AnyRecord
from sourdough.transport.channel import MemoryChannel
from sourdough.transport.memory import connect
from sourdough.wire.messages import Drain, Drained, Lines, SeatEntry, Setup, Table
from sourdough.wire.sockets import DOORS

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable

    from sourdough.config.model import Config
    from sourdough.library.member import Member
    from sourdough.wire.messages import Message

# The entrypoint sits on no seat of the server: events for it are those that have no slot.
_ENTRYPOINT = SeatEntry(0, 0, 1, "entrypoint")


class FrontDoor:
    """Takes clients from a listening socket for as long as it is open."""

    def __init__(
        self,
        config: Config,
        member: Member,
        listening: socket.socket,
        *,
        descriptors: int,
        on_record: Callable[[AnyRecord], None],
    ) -> None:
        """descriptors: how many of the process are there for clients."""
        self._loop = asyncio.get_running_loop()
        self._member = member
        self._on_record = on_record
        self._decoder = msgspec.msgpack.Decoder(AnyRecord)
        self._drained = asyncio.Event()
        self._version = 0
        self.number = DOORS + secrets.randbelow(DOORS)
        """By which hosts know it; other programs have others, and so has every child."""
        self._channel, theirs = MemoryChannel.pair(self._loop)
        # Everything goes to the entrypoint: there are neither routes nor bindings out here.
        config = msgspec.structs.replace(
            config, main="entrypoint", routes=(), durable_objects=DurableObjects()
        )
        self._gateway = Gateway(
            loop=self._loop,
            setup=Setup(
                config=pack(config),
                root="",
                storage="",
                application=config.name,
                storage_names={},
                mode="library",
                serial=self.number,
                index=1,
            ),
            config=config,
            clock=SYSTEM_CLOCK,
            channel=theirs,
            connect=member.reach,
            entrypoint=self._connect,
            listening=listening,
            on_exit=lambda: None,
            pid=os.getpid(),
            descriptors=descriptors,
        )
        self._channel.listen(self._heard, lambda: None)
        theirs.listen(self._gateway.receive, lambda: None)

    async def open(self) -> None:
        """Begin to take clients."""
        await self._gateway.start()
        self._enter(1)
        self._member.open_door(self)

    def receive(self, message: Message) -> None:
        """Take what the coordinator says of hosts."""
        self._gateway.receive(message)
        if isinstance(message, Table):
            self._enter(message.version)

    def begin_anew(self) -> None:
        """The hosts of a coordinator that has ended are gone."""
        self._gateway.begin_anew()

    def _enter(self, version: int) -> None:
        """Send requests to the entrypoint, under the version that its own calls begin with.

        It never falls: the next coordinator counts from one, and what has too high a version waits.
        """
        self._version = max(self._version, version)
        self._gateway.enter(Table(version=self._version, seats=1, entries=(_ENTRYPOINT,)))

    async def drain(self, seconds: float) -> None:
        """Take nobody more and finish what is in flight, for so many seconds."""
        # They have no end of their own; clients open them again elsewhere.
        self._member.end_streams()
        self._channel.send(Drain(deadline=seconds))
        await self._drained.wait()

    async def close(self) -> None:
        """Drop every client."""
        await self._gateway.close()

    def _heard(self, message: Message) -> None:
        match message:
            case Drained():
                self._drained.set()
            case Lines(records=records):
                for data in records:
                    self._on_record(self._decoder.decode(data))
            case _:
                pass  # its heartbeat is ours

    async def _connect(self, path: str, factory: Callable[[], asyncio.Protocol]) -> object:
        protocol = factory()
        connect(self._loop, protocol, self._member.new_link())
        return protocol
