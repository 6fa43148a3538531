"""Keeps this process with a coordinator of its storage folder, whoever that is.

    joining --the folder is free--> ruling ------.
      |  `---another process rules--> following  |
      ^------------- its end --------------------'

The folder's lock decides who rules (invariant P4): of several that start at once, or that have lost
their coordinator, one gets it and the others attach to that one. A server of the command line is
waited for instead: it is started again by whoever started it.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from sourdough.clock import SYSTEM_CLOCK
from sourdough.config.model import ClassRef
from sourdough.config.packed import unpack
from sourdough.coordinator.server_file import read_server_file
from sourdough.errors import ConfigError, DurableObjectError, FolderInUseError, SourdoughError
from sourdough.library.following import Following
from sourdough.library.member import Member
from sourdough.library.options import LIBRARY
from sourdough.library.ruling import Ruling

if TYPE_CHECKING:
    from collections.abc import Callable

    from sourdough.coordinator.control import WantedClass
    from sourdough.library.classes import ClassBook, KnownClass
    from sourdough.library.options import Options
    from sourdough.library.reign import Reign
    from sourdough.objects.durable_object import WorkerEntrypoint
    from sourdough.observe.records import AnyRecord
    from sourdough.wire.messages import Setup

log = logging.getLogger("sourdough.library")

# Between two looks at who rules.
_PAUSE_SECONDS = 0.05
# Nobody rules and nobody lets us: a process in between, or one that is no server, holds the lock.
_PATIENCE_SECONDS = 20.0
# After a coordinator has ended and no other could be had.
_RETRY_SECONDS = 1.0


class Membership:
    """This process and its coordinators, one after the other."""

    def __init__(
        self,
        options: Options,
        book: ClassBook,
        *,
        url: str,
        entrypoint: type[WorkerEntrypoint] | None,
        on_record: Callable[[AnyRecord], None],
    ) -> None:
        """Join nobody yet. Raises ConfigFaults, StorageError."""
        self._options = options
        self._book = book
        self._url = url
        self._on_record = on_record
        project = options.project(book.wanted)
        layout = options.layout(book.wanted)
        self._application = layout.application
        self._reign: Reign | None = None
        self._keeper: asyncio.Task[None] | None = None
        self._classes: frozenset[ClassRef] = frozenset()
        self._told = asyncio.Event()
        self._joined: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._closed = False
        # A server that is started again finds its folder free: nobody takes it over meanwhile.
        self._may_rule = True
        self.member = Member(
            config=project.config,
            application=layout.application,
            storage_names=layout.storage_names,
            entrypoint=entrypoint,
        )
        self.member.on_setup = self._learn
        self.member.on_dismissed = self._dismissed

    async def join(self) -> None:
        """Return when there is a coordinator and all its hosts serve.

        Raises SourdoughError for what keeps this process from having one.
        """
        if self._closed:
            raise _not_running()
        if self._keeper is None:
            self._keeper = asyncio.get_running_loop().create_task(self._keep())
        await asyncio.shield(self._joined)

    def runs(self, known: KnownClass) -> bool:
        """Say whether the hosts run a class now."""
        return known.ref in self._classes

    async def ensure(self, known: KnownClass) -> None:
        """Return when the hosts run a class. Raises SourdoughError when they cannot."""
        await self.join()
        while not self.runs(known):
            reign = self._reign
            if self._closed:
                raise _not_running()
            self._told.clear()
            if reign is not None:
                await reign.register((known.wanted,))
            if not self.runs(known):
                await self._hear(known)

    async def _hear(self, known: KnownClass) -> None:
        seconds = self._options.config.limits.park_timeout
        try:
            async with SYSTEM_CLOCK.timeout(seconds):
                await self._told.wait()
        except TimeoutError:
            raise DurableObjectError(
                f"No coordinator took {known.ref.class_name} in time.", retryable=True
            ) from None

    async def close(self) -> None:
        """Leave; where this process rules, drain the server and end it."""
        if self._closed:
            return
        self._closed = True
        self._told.set()
        try:
            if self._keeper is not None:
                self._keeper.cancel()
                await asyncio.wait([self._keeper])
            if self._reign is not None:
                await self._reign.leave()
        finally:
            await self.member.close()

    # --- one coordinator after the other

    async def _keep(self) -> None:
        try:
            reign = await self._join()
        except Exception as error:  # noqa: BLE001 (raised by `join`)
            self._joined.set_exception(error)
            self._joined.exception()
            return
        self._joined.set_result(None)
        while True:
            await asyncio.wait([reign.ended])
            self._reign = None
            # The classes stay known: the next has them too, and calls wait where those of every
            # host do, bounded in time and number.
            self._tell_end(reign.ended.exception())
            self.member.abandon()
            reign = await self._join_at_last()

    async def _join(self) -> Reign:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + _PATIENCE_SECONDS
        while True:
            reign = await self._follow_or_rule(last=loop.time() >= deadline)
            if reign is not None:
                self._reign = reign
                if await self._complete(reign):
                    await self._refuse_other_name(reign)
                    return reign
                self._reign = None
                self.member.abandon()
            await asyncio.sleep(_PAUSE_SECONDS)

    async def _follow_or_rule(self, *, last: bool) -> Reign | None:
        wanted = self._wanted()
        self._refuse_former()
        following = await Following.attach(self._options.storage, self.member, wanted)
        if following is not None:
            self._may_rule = following.mode == LIBRARY
            return following
        if not self._may_rule:
            return None
        try:
            return await Ruling.begin(
                self._options.server(wanted),
                self.member,
                url=self._url,
                find=self._book.type_of,
                on_record=self._on_record,
            )
        except FolderInUseError:
            if last:
                raise
            return None

    def _wanted(self) -> tuple[WantedClass, ...]:
        """Return the classes to begin with: all at first, then those that hosts have loaded once.

        One that does not load must not keep this process from its objects of the others.
        """
        return tuple(
            each
            for each in self._book.wanted
            if not self._classes or ClassRef(each.module, each.class_name) in self._classes
        )

    async def _complete(self, reign: Reign) -> bool:
        """Wait until its hosts serve; return False when it has ended before."""
        complete = asyncio.ensure_future(self.member.complete())
        try:
            await asyncio.wait([complete, reign.ended], return_when=asyncio.FIRST_COMPLETED)
        finally:
            complete.cancel()
        return not reign.ended.done()

    async def _join_at_last(self) -> Reign:
        """As `_join`, for a process that has objects in use: it never gives up."""
        while True:
            try:
                return await self._join()
            except SourdoughError as error:
                log.error("no coordinator for %s: %s", self._options.storage, error)  # noqa: TRY400 (the sentence says it all)
                await SYSTEM_CLOCK.sleep(_RETRY_SECONDS)

    def _tell_end(self, error: BaseException | None) -> None:
        storage = self._options.storage
        if error is not None:
            log.error("the coordinator of %s has ended: %s", storage, error)
        else:
            log.warning("the coordinator of %s has ended; looking for the next", storage)

    def _learn(self, setup: Setup) -> None:
        """The coordinator tells which classes its hosts run."""
        self._classes = frozenset(unpack(setup.config).classes)
        self._told.set()

    def _dismissed(self) -> None:
        """The coordinator is about to end; its hosts wait for our links to be closed."""
        self.member.abandon()
        if self._reign is not None:
            self._reign.detach()

    def _refuse_former(self) -> None:
        """Who rules without our migrations keeps the objects of our classes under other names."""
        options = self._options
        if not options.config.migrations:
            return
        server = read_server_file(options.storage)
        if server is None or not server.coordinator.alive:
            return
        missing = options.layout(self._book.wanted).unapplied
        if missing:
            raise ConfigError(
                f'The migration "{missing[0]}" is not applied: pid {server.coordinator.pid} serves '
                "this storage folder without it.",
                hint="end that process first; who starts the hosts applies migrations",
            )

    async def _refuse_other_name(self, reign: Reign) -> None:
        """The ids of this process are made with a name that was read before anybody ruled."""
        setup = self.member.setup
        if setup is not None and setup.application != self._application:
            self._reign = None
            await reign.leave()
            raise ConfigError(
                f"The application of this storage folder is called {setup.application!r}, "
                f"here it is called {self._application!r}.",
                hint="give both the same name",
            )


def _not_running() -> SourdoughError:
    return SourdoughError(
        "This ClusterCoordinator is not running.", hint="use it inside of `async with`"
    )
