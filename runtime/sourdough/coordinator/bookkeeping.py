"""Keeps the catalogue in step with what hosts report, and with what is on disk."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

import msgspec

from sourdough.coordinator.catalogue import Catalogue, KnownObject
from sourdough.coordinator.objectkey import ObjectKey
from sourdough.coordinator.questions import NoAnswerError
from sourdough.errors import SourdoughError
from sourdough.storage.offline import scan
from sourdough.wire.messages import Forgotten, Known, Named

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sourdough.coordinator.alarms import Alarms
    from sourdough.coordinator.questions import Questions
    from sourdough.storage.layout import Layout

log = logging.getLogger("sourdough.catalogue")

# Names of objects that were found on disk are asked for in portions of this size.
_NAMES_AT_ONCE = 100


class Bookkeeping:
    """Writes to the catalogue, in the order in which things were reported."""

    def __init__(
        self,
        catalogue: Catalogue,
        layout: Callable[[], Layout],
        questions: Questions,
        alarms: Alarms,
    ) -> None:
        """layout: the one of now; a reload may bring new classes."""
        self._catalogue = catalogue
        self._alarms = alarms
        self._layout = layout
        self._questions = questions
        self._queue: asyncio.Queue[Known | Forgotten | None] = asyncio.Queue()
        self._reconcile = asyncio.Event()
        self._writer = asyncio.get_running_loop().create_task(self._write())
        self._comparer = asyncio.get_running_loop().create_task(self._compare())
        self.count = 0

    def take(self, message: Known | Forgotten) -> None:
        """A host reports new or deleted objects."""
        self._queue.put_nowait(message)
        if isinstance(message, Forgotten):
            for key in message.objects:
                self._alarms.forget(key)

    def reconcile(self) -> None:
        """A host ended unasked: what it created last may never have been reported."""
        self._reconcile.set()

    async def close(self) -> None:
        """Write what was reported, then stop."""
        self._comparer.cancel()
        self._queue.put_nowait(None)
        await asyncio.wait([self._writer, self._comparer], timeout=5)

    async def _write(self) -> None:
        while (message := await self._queue.get()) is not None:
            try:
                await self._apply(message)
                self.count = await self._catalogue.count()
            except Exception:
                # The files are the truth; the next comparison brings the catalogue in step.
                log.exception("the catalogue could not be written")
                self._reconcile.set()

    async def _apply(self, message: Known | Forgotten) -> None:
        if isinstance(message, Forgotten):
            await self._catalogue.remove(
                [ObjectKey(storage, raw.hex()) for storage, raw in message.objects]
            )
            return
        await self._catalogue.add(
            [
                KnownObject(storage_name=storage, id=raw.hex(), name=name, created=created)
                for storage, raw, name, created in message.objects
            ]
        )

    async def _compare(self) -> None:
        self.count = await self._catalogue.count()
        self._reconcile.set()
        while True:
            await self._reconcile.wait()
            self._reconcile.clear()
            try:
                await self._catalogue.reconcile(self._scan)
                await self._read_names()
                self.count = await self._catalogue.count()
            except NoAnswerError:
                # What is not read yet is asked for again: an alarm may depend on it.
                self._reconcile.set()
                await asyncio.sleep(1)
            except Exception:
                log.exception("the catalogue could not be compared with the disk")
                await asyncio.sleep(1)

    def _scan(self) -> Iterator[ObjectKey]:
        layout = self._layout()
        for storage_name in sorted(layout.register.storages):
            for raw, _ in scan(layout.root, storage_name):
                yield ObjectKey(storage_name, raw.hex())

    async def _read_names(self) -> None:
        """Ask the owners for names and alarms of objects that were found on disk."""
        while keys := await self._catalogue.unread(_NAMES_AT_ONCE):
            known = [await self._known(key) for key in keys]
            await self._catalogue.add(known)

    async def _known(self, key: ObjectKey) -> KnownObject:
        raw = bytes.fromhex(key.id)
        named = Named()
        try:
            data = await self._questions.ask("name", key.storage_name, raw)
            named = msgspec.msgpack.decode(data, type=Named)
        except NoAnswerError:
            raise
        except SourdoughError as error:
            log.debug("the name of %s is not known: %s", key.id, error)
        if named.alarm is not None:
            self._alarms.found((key.storage_name, raw), named.alarm, named.name)
        return KnownObject(storage_name=key.storage_name, id=key.id, name=named.name)
