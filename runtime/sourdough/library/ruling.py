"""The coordinator runs in this process, which has the lock of the storage folder."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from sourdough.coordinator.embedded import EmbeddedServer

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sourdough.config.model import ClassRef
    from sourdough.coordinator.control import WantedClass
    from sourdough.coordinator.options import ServerOptions
    from sourdough.library.member import Member
    from sourdough.objects.durable_object import DurableObject
    from sourdough.observe.records import AnyRecord
    from sourdough.transport.channel import MemoryChannel


class Ruling:
    """The coordinator runs here."""

    def __init__(self, server: EmbeddedServer, running: asyncio.Task[int]) -> None:
        self._server = server
        self._running = running
        self._channel: MemoryChannel | None = None
        self.ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        running.add_done_callback(self._over)

    @classmethod
    async def begin(
        cls,
        options: ServerOptions,
        member: Member,
        *,
        url: str,
        find: Callable[[ClassRef], type[DurableObject]],
        on_record: Callable[[AnyRecord], None],
    ) -> Ruling:
        """Take the folder and start the hosts; return when every seat is taken.

        Raises FolderInUseError when another process was faster, and as `Server.run` does.
        """
        server = EmbeddedServer(options, on_record, url=url, find=find)
        running = asyncio.get_running_loop().create_task(server.run())
        self = cls(server, running)
        try:
            await self._up()
        except asyncio.CancelledError:
            await self.leave()
            raise
        self._channel = server.join()
        member.follow(self._channel, server.connect)
        self._channel.listen(member.receive, lambda: None)
        return self

    async def register(self, classes: Sequence[WantedClass]) -> None:
        """Have the hosts run these classes too; raises as `EmbeddedServer.add`."""
        await self._server.add(classes)

    def detach(self) -> None:
        """The server is about to end and has asked its clients to leave."""
        if self._channel is not None:
            self._channel.close()

    async def leave(self) -> None:
        """Drain the server and end it; when cancelled meanwhile, end it at once."""
        if not self._server.can_drain:
            self._running.cancel()
        elif not self._running.done():
            self._server.stop()
        while not self._running.done():
            try:
                await asyncio.wait([self._running])
            except asyncio.CancelledError:
                self._server.stop()
                await asyncio.wait([self._running])
                raise

    async def _up(self) -> None:
        up = asyncio.ensure_future(self._server.up())
        try:
            await asyncio.wait([up, self._running], return_when=asyncio.FIRST_COMPLETED)
            if not up.done() or up.exception() is not None:
                await self._running  # raises why
            await up
        finally:
            up.cancel()

    def _over(self, running: asyncio.Task[int]) -> None:
        if self.ended.done():
            return
        error = None if running.cancelled() else running.exception()
        if error is None:
            self.ended.set_result(None)
        else:
            self.ended.set_exception(error)
            self.ended.exception()  # told by whoever waits; nobody may
