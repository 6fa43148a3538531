"""Processes that use the hosts and were not started by the coordinator: programs with the library.

Such a client holds no lock and no seat. It hears who sits where, as every child does, and links to
the hosts itself. Its end is the end of its connection: nobody waits for it, nobody ends it.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from sourdough.config.model import ClassRef
from sourdough.errors import SourdoughError
from sourdough.wire.envelope import MessageReader, encode
from sourdough.wire.messages import FromChild

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Sequence

    from sourdough.config.model import Config
    from sourdough.coordinator.child import Child
    from sourdough.coordinator.control import WantedClass
    from sourdough.coordinator.options import ServerOptions
    from sourdough.coordinator.supervisor import Supervisor
    from sourdough.coordinator.worker import Worker
    from sourdough.wire.messages import Message

_CHUNK = 64 * 1024


class AttachedProcess:
    """The `Child` of a client: what is sent goes over its connection."""

    def __init__(self, pid: int, writer: asyncio.StreamWriter) -> None:
        self.pid = pid
        self._writer = writer

    def send(self, message: Message) -> None:
        if not self._writer.is_closing():
            self._writer.write(encode(message))

    def kill(self) -> None:
        """Let go of it; the process is not ours."""
        self._writer.close()

    def signal(self, number: int) -> None:
        """Nothing: the process is not ours."""


class Clients:
    """The clients of one server."""

    def __init__(self, supervisor: Supervisor) -> None:
        self._supervisor = supervisor
        self.number = 0
        """How many are attached over the control socket."""

    def admit(self, child: Child) -> Worker:
        """Count a client among the processes of the server, and tell it of the application."""
        worker = self._supervisor.enlist("client", 0)
        worker.child = child
        worker.asked = True  # its end is never a crash
        worker.send(self._supervisor.application.setup(worker))
        return worker

    async def serve(
        self, pid: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        """Speak with a client until it leaves. Raises WireError when it speaks nonsense."""
        if self._supervisor.stopping:
            return  # it finds the connection closed, and looks for whoever rules next
        worker = self.admit(AttachedProcess(pid, writer))
        messages = MessageReader(FromChild)
        self.number += 1
        try:
            while data := await reader.read(_CHUNK):
                for message in messages.receive(data):
                    self._supervisor.on_message(worker, message)
        finally:
            self.number -= 1
            self._supervisor.on_exit(worker, 0)


def refuse_inline(options: ServerOptions) -> None:
    """Raise SourdoughError for a server whose objects no other process can reach."""
    if options.inline:
        raise SourdoughError(
            f"The process with pid {os.getpid()} uses the storage folder {options.storage} and runs "
            "its objects itself, where no other process reaches them.",
            hint="give it a host of its own: host_count=1",
        )


def refuse_unbound(config: Config, classes: Sequence[WantedClass]) -> None:
    """Raise SourdoughError for a class that a server with this configuration does not run."""
    bound = set(config.classes)
    for each in classes:
        if ClassRef(each.module, each.class_name) not in bound:
            raise SourdoughError(
                "The server of this storage folder runs from its own configuration, which binds "
                f"no class {each.class_name} of module {each.module}.",
                hint="bind it in the server's sourdough.toml, or use another storage folder",
            )
