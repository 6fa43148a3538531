"""Everything in one process, for `hostCount = 0`: the same parts, joined by memory.

A host or a gateway runs on the coordinator's own loop, behind the same messages. Nothing can be
killed here, so an end that was not asked for does not happen; a reload imports the project's
modules anew and hands the seat from the old host to the new one.
"""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from sourdough.config.packed import unpack
from sourdough.gateway.gateway import Gateway
from sourdough.host.loading import Loaded, LoadError, forget_modules, load
from sourdough.host.runtime import HostRuntime
from sourdough.observe.breadcrumb import Breadcrumb
from sourdough.transport.channel import MemoryChannel
from sourdough.transport.memory import connect
from sourdough.transport.process import raise_descriptor_limit
from sourdough.wire.messages import LoadFailed, Message

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable

    from sourdough.clock import Clock
    from sourdough.coordinator.launcher import Application, Events
    from sourdough.coordinator.worker import Worker


class InlineChild:
    """A child that is no process."""

    def __init__(self, channel: MemoryChannel) -> None:
        self.pid = os.getpid()
        self._channel = channel

    def send(self, message: Message) -> None:
        self._channel.send(message)

    def kill(self) -> None:
        """Nothing: it ends with the process."""

    def signal(self, number: int) -> None:
        """Nothing: the signal would reach everybody."""


class InlineLauncher:
    """Starts hosts and gateways on this loop."""

    def __init__(
        self,
        *,
        listening: socket.socket | None,
        clock: Clock,
        load: Callable[[Application], Loaded] | None = None,
        descriptors: int | None = None,
    ) -> None:
        """Start nothing yet. load: where the classes come from, when not from their modules anew.

        descriptors: how many are ours, where the process is not.
        """
        self._loop = asyncio.get_running_loop()
        self._listening = listening
        self._clock = clock
        self._load = load or _load
        # Clients and objects use up the same descriptors, and must not take each other's.
        descriptors = descriptors or raise_descriptor_limit()
        self._clients_share = descriptors // 4
        self._objects_share = descriptors - self._clients_share
        self._hosts: dict[str, HostRuntime] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._closing: list[Callable[[], object]] = []

    def launch(self, worker: Worker, application: Application, events: Events) -> None:
        task = self._loop.create_task(self._launch(worker, application, events))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def close(self) -> None:
        for host in list(self._hosts.values()):
            await host.close()

    async def _launch(self, worker: Worker, application: Application, events: Events) -> None:
        ours, theirs = MemoryChannel.pair(self._loop)
        worker.child = InlineChild(ours)
        ours.listen(lambda message: events.on_message(worker, message), lambda: None)

        def ended(code: int = 0) -> None:
            self._hosts.pop(worker.path, None)
            self._loop.call_soon(events.on_exit, worker, code)

        if not worker.is_host:
            await self._start_gateway(worker, application, theirs, ended)
            return
        try:
            loaded = self._load(application.for_hosts)
        except LoadError as error:
            fault = error.fault
            theirs.send(
                LoadFailed(
                    error=fault.error,
                    place=fault.place,
                    source=fault.source,
                    hint=fault.hint,
                    traceback=fault.traceback,
                )
            )
            self._loop.call_soon(ended, 3)
            return
        self._start_host(worker, application, theirs, loaded, ended)

    def _start_host(
        self,
        worker: Worker,
        application: Application,
        channel: MemoryChannel,
        loaded: Loaded,
        ended: Callable[[int], None],
    ) -> None:
        setup = application.setup(worker)
        worker.path = f"memory:{worker.serial}"
        host = HostRuntime(
            loop=self._loop,
            setup=setup,
            config=unpack(setup.config),
            loaded=loaded,
            clock=self._clock,
            channel=channel,
            connect=self.connect,
            breadcrumb=Breadcrumb(None),
            on_exit=ended,
            pid=os.getpid(),
            descriptors=self._objects_share,
        )
        self._hosts[worker.path] = host
        channel.listen(host.receive, lambda: None)
        host.start()

    async def _start_gateway(
        self,
        worker: Worker,
        application: Application,
        channel: MemoryChannel,
        ended: Callable[[], None],
    ) -> None:
        assert self._listening is not None, "gateways need a port"
        setup = application.setup(worker)
        gateway = Gateway(
            loop=self._loop,
            setup=setup,
            config=unpack(setup.config),
            clock=self._clock,
            channel=channel,
            connect=self.connect,
            listening=self._listening.dup(),
            on_exit=ended,
            pid=os.getpid(),
            descriptors=self._clients_share,
        )
        channel.listen(gateway.receive, lambda: None)
        await gateway.start()

    async def connect(self, path: str, factory: Callable[[], asyncio.Protocol]) -> object:
        """Connect a protocol to a host of this process."""
        host = self._hosts.get(path)
        if host is None:
            raise ConnectionRefusedError(path)
        protocol = factory()
        connect(self._loop, protocol, host.new_link())
        return protocol


def _load(application: Application) -> Loaded:
    """Import the user's code anew; the old modules come back when that fails."""
    project = application.options.project
    root = Path(project.root)
    sys.dont_write_bytecode = application.options.reloads
    forgotten = forget_modules(root)
    try:
        return load(project.config.classes, project.config.main, root)
    except LoadError:
        forget_modules(root)
        sys.modules.update(forgotten)
        raise
