"""The database of a facet: one like any other, beside that of the object it belongs to."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, NoReturn

from sourdough.errors import StorageError
from sourdough.storage.alarm import Alarm
from sourdough.storage.database import Database
from sourdough.storage.facet_files import facet_path

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

NO_ALARMS = "Facets currently cannot set alarms."


class NoAlarm(Alarm):
    """The alarm of a facet: there is none (semantics 6.2)."""

    __slots__ = ()

    def set(self, when: datetime | float, *, confirm: bool = True) -> NoReturn:
        """Raise StorageError."""
        raise StorageError(NO_ALARMS)


class FacetDatabase(Database):
    """Which one it is, is said by `be` before the first use."""

    def __init__(self, parent: Database, on_broken: Callable[[Exception], None]) -> None:
        """parent: the database that it belongs to."""
        super().__init__(
            path=parent.path,
            meta=replace(parent.meta, name=None),
            engine=parent._engine,  # noqa: SLF001 (of the same class, as are the two below)
            schedule=parent._schedule,  # noqa: SLF001
            clock=parent._clock,  # noqa: SLF001
            on_broken=on_broken,
        )
        self.alarm = NoAlarm(self, self._clock, None)
        self._parent = parent.path

    def be(self, number: int, class_name: str, raw: bytes) -> None:
        """Say which facet it is, of which class, and the id that the facet goes by."""
        self.path = facet_path(self._parent, number)
        self._meta = replace(self._meta, class_name=class_name, id=raw)

    def remove(self) -> int:
        """Delete its file, never opened here, after those of the facets below; return the bytes."""
        self.abandon()
        facets = self._engine.facets(self.path)
        return sum(map(self._engine.remove, [*facets, self.path]))

    def clear(self) -> None:
        """See to it that there is nothing: its number is new. Others' files are below theirs."""
        if self._engine.exists(self.path):
            self.remove()
