"""Cursors of users that hold a statement open."""

from __future__ import annotations

from typing import Protocol
from weakref import WeakSet


class Detachable(Protocol):
    """A reader that is told when its statement is taken away."""

    @property
    def unread(self) -> bool:
        """Whether its statement is still open."""
        ...

    def detach(self) -> None:
        """Give up the statement; further reading raises."""
        ...


class Readers:
    """Those of one database; who is dropped by the user leaves by himself."""

    __slots__ = ("_members",)

    def __init__(self) -> None:
        # Most objects never have one; an empty WeakSet takes 700 bytes.
        self._members: WeakSet[Detachable] | None = None

    def add(self, reader: Detachable) -> None:
        """Note a reader whose statement stays open."""
        if self._members is None:
            self._members = WeakSet()
        self._members.add(reader)

    @property
    def unread(self) -> bool:
        """Whether a statement of any of them is still open."""
        return self._members is not None and any(each.unread for each in self._members)

    def detach(self) -> None:
        """Take their statements from all."""
        for reader in list(self._members or ()):
            reader.detach()
