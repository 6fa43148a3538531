"""This process among those of a server: a host that owns no seat and runs no objects.

Its stubs and its entrypoint work as those of any host do. It outlives coordinators: with each new one
its links are dropped, what waits for an owner waits on, and it goes by another number.
"""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING, Protocol

from sourdough.clock import SYSTEM_CLOCK
from sourdough.config.packed import pack
from sourdough.host.loading import Loaded
from sourdough.host.runtime import HostRuntime
from sourdough.observe.breadcrumb import Breadcrumb
from sourdough.wire.messages import EndStreams, Exit, HostGone, Ready, Setup, Table

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from sourdough.config.model import Config
    from sourdough.host.calls import Calls
    from sourdough.objects.durable_object import WorkerEntrypoint
    from sourdough.transport.channel import Channel
    from sourdough.transport.link import Link
    from sourdough.transport.peers import Connect
    from sourdough.wire.messages import Message


class _Line:
    """The member's channel: leads to the coordinator of the moment, or nowhere."""

    def __init__(self) -> None:
        self.channel: Channel | None = None

    def send(self, message: Message) -> None:
        if self.channel is not None:
            self.channel.send(message)

    def close(self) -> None:
        if self.channel is not None:
            self.channel.close()


class Door(Protocol):
    """A gateway of this process: hosts know it as they know every other."""

    number: int

    def receive(self, message: Message) -> None:
        """Take what the coordinator says of hosts."""

    def begin_anew(self) -> None:
        """The hosts of a coordinator that has ended are gone."""


class Member:
    """The part of this process that hosts know."""

    def __init__(
        self,
        *,
        config: Config,
        application: str,
        storage_names: Mapping[str, str],
        entrypoint: type[WorkerEntrypoint] | None,
    ) -> None:
        self._line = _Line()
        self._connect: Connect | None = None
        self._complete = asyncio.Event()
        self._door: Door | None = None
        self.setup: Setup | None = None
        """What the coordinator said last of the application."""
        self.on_setup: Callable[[Setup], None] = lambda _setup: None
        self.on_dismissed: Callable[[], None] = lambda: None
        """The coordinator lets this process go: it is about to end."""
        self._runtime = HostRuntime(
            loop=asyncio.get_running_loop(),
            setup=Setup(
                config=pack(config),
                root="",
                storage="",
                application=application,
                storage_names=dict(storage_names),
                mode="library",
                serial=0,
                index=0,
            ),
            config=config,
            loaded=Loaded(classes={}, entrypoint=entrypoint),
            clock=SYSTEM_CLOCK,
            channel=self._line,
            connect=self.reach,
            breadcrumb=Breadcrumb(None),
            on_exit=lambda _code: None,
            pid=os.getpid(),
        )
        # No seat has the number 0, so no object ever belongs here; the entrypoint may run.
        self._runtime.host.assign(0, 0)
        self._runtime.start()

    @property
    def caller(self) -> Calls:
        """What stubs call through."""
        return self._runtime.caller

    def new_link(self) -> Link:
        """Return the protocol for a link to this process's entrypoint."""
        return self._runtime.new_link()

    def follow(self, channel: Channel, connect: Connect) -> None:
        """Belong to a coordinator from now on; `receive` takes what it says."""
        self._line.channel, self._connect = channel, connect
        self.setup = None

    def abandon(self) -> None:
        """The coordinator is gone: what is in flight fails, what is not yet sent waits."""
        self._line.channel = None
        self.setup = None
        self._complete.clear()
        self._begin_anew(0)

    async def complete(self) -> None:
        """Return when every seat has been seen taken."""
        await self._complete.wait()

    def receive(self, message: Message) -> None:
        """Take what the coordinator says."""
        match message:
            case Setup():
                if self.setup is None:
                    self._begin_anew(message.serial)
                    self._say_ready()
                self.setup = message
                self.on_setup(message)
            case Table():
                self._hear(message)
                if len(message.entries) == message.seats:
                    self._complete.set()
            case HostGone():
                self._hear(message)
            case Exit():
                self.on_dismissed()
            case _:
                pass  # the rest is for those who own seats or were started by the coordinator

    def end_streams(self) -> None:
        """End every stream of events that the entrypoint answers with."""
        self._runtime.receive(EndStreams())

    async def close(self) -> None:
        """Drop every link; what is in flight fails."""
        await self._runtime.close()

    def open_door(self, door: Door) -> None:
        """Take clients: hosts are told of the door, and the door of hosts, from now on."""
        self._door = door
        self._say_ready()

    def _say_ready(self) -> None:
        """Say what this process is; the answer is the table."""
        number = 0 if self._door is None else self._door.number
        self._line.send(Ready(pid=os.getpid(), door=number))

    def _hear(self, message: Table | HostGone) -> None:
        self._runtime.receive(message)
        if self._door is not None:
            self._door.receive(message)

    def _begin_anew(self, serial: int) -> None:
        self._runtime.begin_anew(serial)
        if self._door is not None:
            self._door.begin_anew()

    async def reach(self, path: str, factory: Callable[[], asyncio.Protocol]) -> object:
        """Connect a protocol to a host."""
        if self._connect is None:
            raise ConnectionRefusedError(path)
        return await self._connect(path, factory)
