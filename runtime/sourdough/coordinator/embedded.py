"""A server inside of a program that is not ours: what the library runs.

It differs from `sourdough serve` in what it leaves alone (signals, the port, which the program has
itself) and in that classes may be added while it runs: that is a reload with a larger configuration.
"""

from __future__ import annotations

import asyncio
import os
import resource
from dataclasses import replace
from typing import TYPE_CHECKING

import msgspec

from sourdough.config.fault import ConfigFaults, Fault
from sourdough.config.model import Binding, ClassRef, DurableObjects, Project
from sourdough.coordinator.clients import refuse_inline
from sourdough.coordinator.inline import InlineChild, InlineLauncher
from sourdough.coordinator.reload import Phase
from sourdough.coordinator.server import Server
from sourdough.errors import StartError
from sourdough.host.loading import Loaded
from sourdough.transport.channel import MemoryChannel
from sourdough.transport.process import connect_unix

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

    from sourdough.coordinator.control import WantedClass
    from sourdough.coordinator.launcher import Application, Launcher
    from sourdough.coordinator.options import ServerOptions
    from sourdough.coordinator.worker import Worker
    from sourdough.objects.durable_object import DurableObject
    from sourdough.observe.records import AnyRecord
    from sourdough.storage.layout import Layout
    from sourdough.transport.peers import Connect
    from sourdough.wire.messages import LoadFailed

# Beyond the time in which a host must be ready: for what happens at the hand-over.
_GRACE_SECONDS = 5.0
# What the program itself keeps of the descriptors that its process may have.
_SHARE_OF_PROGRAM = 2


class EmbeddedServer(Server):
    """The server of a program; `run` it as a task of the program's loop."""

    def __init__(
        self,
        options: ServerOptions,
        on_record: Callable[[AnyRecord], None],
        *,
        url: str,
        find: Callable[[ClassRef], type[DurableObject]],
    ) -> None:
        """url: where the program listens, "" for nowhere. find: the classes of `hostCount = 0`."""
        super().__init__(options, on_record)
        self._url = url
        self._find = find
        self._here: InlineLauncher | None = None
        loop = asyncio.get_running_loop()
        self._up: asyncio.Future[None] = loop.create_future()
        self._adding: asyncio.Future[None] | None = None
        self._turn = asyncio.Lock()
        self.on_started = self._is_up

    async def run(self) -> int:
        """Serve until the end; see `Server.run`."""
        try:
            return await super().run()
        finally:
            ended = StartError("the server has ended")
            for waiting in (self._up, self._adding):
                if waiting is not None and not waiting.done():
                    waiting.set_exception(ended)
                    waiting.exception()  # nobody may be there to take it

    @property
    def can_drain(self) -> bool:
        """Whether there is something to stop: not while it still waits for the folder."""
        return hasattr(self, "_supervisor")

    async def up(self) -> None:
        """Return when every seat is taken. Raises StartError when that will never be."""
        await asyncio.shield(self._up)

    # --- the program as a client

    @property
    def connect(self) -> Connect:
        """How the program reaches the hosts."""
        return connect_unix if self._here is None else self._here.connect

    def join(self) -> MemoryChannel:
        """Count the program itself among the clients; return its channel, which ends with it."""
        ours, theirs = MemoryChannel.pair(asyncio.get_running_loop())
        worker = self.clients.admit(InlineChild(ours))
        supervisor = self._supervisor
        ours.listen(
            lambda message: supervisor.on_message(worker, message),
            lambda: supervisor.on_exit(worker, 0),
        )
        return theirs

    # --- classes

    async def register(self, classes: Sequence[WantedClass]) -> None:
        """Do as `add`, for another process; it cannot reach hosts that are none."""
        refuse_inline(self.options)
        await self.add(classes)

    async def add(self, classes: Sequence[WantedClass]) -> None:
        """Have the hosts run these classes too; return when they do.

        Raises ConfigFaults for a class that cannot be added, StartError when its module does not
        load; the hosts go on as they were then.
        """
        await self.up()
        async with self._turn:
            project = enlarged(self.options.project, classes)
            if project.config == self.options.project.config:
                return
            self._adding = asyncio.get_running_loop().create_future()
            self._saves.change(project)
            await self._added(project.config.limits.ready_timeout + _GRACE_SECONDS)

    async def _added(self, seconds: float) -> None:
        assert self._adding is not None
        try:
            async with self._clock.timeout(seconds):
                await self._adding
        except TimeoutError:
            self._saves.give_up()
            raise StartError(f"no host has loaded the new classes within {seconds:g} s") from None

    def _adopted(self, options: ServerOptions, layout: Layout) -> None:
        super()._adopted(options, layout)
        if self._adding is not None and not self._adding.done():
            self._adding.set_result(None)

    def _load_failed(self, worker: Worker, fault: LoadFailed) -> None:
        adding = self._reload.phase is Phase.LOADING
        super()._load_failed(worker, fault)
        if adding and self._adding is not None and not self._adding.done():
            self._saves.give_up()
            self._adding.set_exception(StartError(fault.error, place=fault.place, hint=fault.hint))

    # --- what belongs to the program

    def _listen(self) -> socket.socket | None:
        self._facts.url = self._url
        return None

    def _handle_signals(self) -> None:
        """Leave them to the program."""

    def _launcher(self, listening: socket.socket | None, run_dir: Path, lock_fd: int) -> Launcher:
        if not self.options.inline:
            return super()._launcher(listening, run_dir, lock_fd)
        allowed = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
        self._here = InlineLauncher(
            listening=None,
            clock=self._clock,
            load=self._load,
            descriptors=allowed // _SHARE_OF_PROGRAM,
        )
        return self._here

    def _load(self, application: Application) -> Loaded:
        """Take the classes as the program has them: no module is imported anew."""
        references = application.options.project.config.classes
        return Loaded(classes={each: self._find(each) for each in references}, entrypoint=None)

    def _is_up(self) -> None:
        if not self._up.done():
            self._up.set_result(None)


def enlarged(project: Project, classes: Iterable[WantedClass]) -> Project:
    """Return a project that binds these classes too. Raises ConfigFaults."""
    config = project.config
    bindings = {binding.name: binding for binding in config.bindings}
    sources = dict(project.sources)
    for each in classes:
        binding = Binding(name=each.binding, class_name=each.class_name, module=each.module)
        known = bindings.setdefault(each.binding, binding)
        if known.class_ref != binding.class_ref:
            raise ConfigFaults(
                f"pid {os.getpid()}",
                [_taken(each, f"{known.module}.{known.class_name}")],
            )
        if each.source is not None:
            sources.setdefault(each.module, each.source)
    objects = DurableObjects(bindings=tuple(bindings.values()))
    changed = msgspec.structs.replace(config, durable_objects=objects)
    return replace(project, config=changed, sources=tuple(sources.items()))


def _taken(wanted: WantedClass, other: str) -> Fault:
    return Fault(
        file=wanted.source or wanted.module,
        line=None,
        field=wanted.class_name,
        message=f'"{wanted.binding}" is already the name of {other}',
        hint="give the class another name in durable_objects",
    )
