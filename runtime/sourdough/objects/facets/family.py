"""The facets of one object, or of one facet: which there are, which run, how they end.

    deleted --its name is taken away (a write of the parent)--> invisible --durable--> files removed

A facet is found by its name in its parent's database, and under a number there is nothing but that
facet's data. So what the parent's commit says is so, whatever a crash has left of the files.
"""

from __future__ import annotations

import asyncio
import inspect
import logging
from typing import TYPE_CHECKING, Any, cast

from sourdough.errors import DurableObjectError, StorageError
from sourdough.objects.chain import lead
from sourdough.objects.facets.start import Begun, FacetStart, settled
from sourdough.objects.refusal import gone_error, released_error
from sourdough.storage.facet_database import FacetDatabase
from sourdough.storage.facet_index import FacetIndex

if TYPE_CHECKING:
    from sourdough.objects.chain import Chain
    from sourdough.objects.container import Container
    from sourdough.objects.event import Event
    from sourdough.objects.facets.container import FacetContainer
    from sourdough.objects.facets.nursery import Nursery
    from sourdough.objects.facets.start import Start, StartFunction

log = logging.getLogger("sourdough.objects")

DELETED = "Facet was deleted."
ABORTED = "Facet was aborted."
IN_TRANSACTION = "A new facet cannot be started within a transaction."


class Family:
    """All facets of a container. Everything runs on the loop."""

    __slots__ = ("_closed", "_nursery", "_removing", "container", "index", "making", "running")

    def __init__(self, container: Container, nursery: Nursery) -> None:
        self.container = container
        self.index = FacetIndex(container.database)
        self.running: dict[str, FacetContainer] = {}
        """Those in memory, also those whose start is not known yet."""
        self.making: set[int] = set()
        """The numbers that have no name yet, and will have one."""
        self._nursery = nursery
        self._closed = False
        self._removing = False
        container.database.on_emptied = self._emptied
        self.remove_deleted()  # of which a crash may have left some

    @property
    def nursery(self) -> Nursery:
        return self._nursery

    # --- what keeps the parent in memory

    @property
    def busy(self) -> bool:
        """Whether a drain waits for one of them."""
        return any(each.busy for each in self.running.values())

    # --- calls

    def take(
        self, name: str, start: Start | StartFunction, event: Event, chain: Chain | None
    ) -> None:
        """Hand an event to a facet, which is started where it does not run.

        Raises DurableObjectError where that cannot be.
        """
        if self._closed:
            raise gone_error()
        facet = self.running.get(name)
        if facet is None:
            facet = self.running[name] = self._nursery.make(self.container, name, self._ended)
            facet.prepare(self._begun(name, start))
        if chain is not None:
            lead(event, chain, facet)
        facet.deliver(event)
        if not facet.begun:  # its first event was refused, for want of room
            facet.reset(gone_error())

    async def _begun(self, name: str, start: Start | StartFunction) -> Begun | BaseException:
        try:
            said: Any = start if isinstance(start, FacetStart | type) else start()
            found = settled(await said if inspect.isawaitable(said) else said)
            await self.container.sections.admitted()
            return Begun(found, await self._number(name))
        except asyncio.CancelledError:
            raise
        except BaseException as error:  # noqa: BLE001 (told to those who wait for the facet)
            return error

    async def _number(self, name: str) -> int:
        """Return the number of a facet, and give it one where it is new."""
        database = self.container.database
        number = self.index.number(name)
        if number is None:
            if database.depth:
                raise StorageError(IN_TRANSACTION)
            number = self.index.enter(name)
            self.database(number).clear()
        if database.pending:
            # No commit of the facet may be durable before that of its number.
            await self.index.settle()
        return number

    def database(self, number: int) -> FacetDatabase:
        """Return the database of a facet that does not run."""
        database = FacetDatabase(self.container.database, lambda _: None)
        meta = self.container.database.meta
        database.be(number, meta.class_name, meta.id)
        return database

    # --- ends

    def abort(self, name: str, reason: str) -> None:
        """Reset a facet, if it runs."""
        facet = self.running.get(name)
        if facet is not None:
            facet.reset(DurableObjectError(reason, remote=True, durable_object_reset=True))

    def delete(self, name: str) -> None:
        """Remove a facet with all that belongs to it."""
        self.index.delete(name)
        self.stop(name)
        self.remove_deleted()

    def stop(self, name: str) -> None:
        """What runs under a name has lost its storage."""
        facet = self.running.get(name)
        if facet is not None:
            facet.reset(DurableObjectError(DELETED, durable_object_reset=True))

    def _emptied(self) -> None:
        """All names were taken away."""
        for name in list(self.running):
            self.stop(name)
        self.remove_deleted()

    def end(self, error: BaseException) -> None:
        """The parent was reset: they are."""
        self._closed = True
        for facet in list(self.running.values()):
            facet.reset(error)

    async def close(self, *, fold: bool) -> None:
        """The parent leaves memory: they do. What its last words have left undone is cut short."""
        self._closed = True
        for facet in list(self.running.values()):
            try:
                if facet.busy:
                    facet.reset(released_error())
                else:
                    await facet.close(fold=fold)
            except Exception:
                log.exception("closing %s failed", facet.label)
            self._ended(facet, None)

    def _ended(self, container: Container, _error: BaseException | None) -> None:
        facet = cast("FacetContainer", container)
        if self.running.get(facet.name) is facet:
            del self.running[facet.name]
        self._nursery.forget(facet)

    # --- files of the deleted

    def remove_deleted(self) -> None:
        """Remove the files of deleted facets as soon as no crash brings their names back."""
        if not self._removing:
            self._removing = True
            self.container.work.begin(self._remove_deleted())

    async def _remove_deleted(self) -> None:
        try:
            while await self._may_remove():
                numbers = [each for each in self.index.deleted() if each not in self.making]
                if not numbers:
                    return
                await self.container.database.sync()
                for number in numbers:
                    if not await self._may_remove():
                        return
                    self.database(number).remove()
                    self.index.forget(number)
                    await asyncio.sleep(0)
        finally:
            self._removing = False

    async def _may_remove(self) -> bool:
        """Wait for the end of a transaction; say no where the instance leaves: the next one does it."""
        await self.container.sections.admitted()  # what a transaction deletes may come back
        return not self._closed
