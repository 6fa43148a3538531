"""The gates of one object (semantics 4.1, 4.2).

The *input gate* says which events may enter: all of them at any `await`, none while a critical
section (the constructor, `block_concurrency_while`) runs. Events that may not enter wait in
order. The *output gate* is the database's commit number: what an object says leaves when the
commits it had made by then are durable; it is kept in `storage`, since only the storage knows.
"""

from __future__ import annotations

import asyncio
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, TypeVar

if TYPE_CHECKING:
    from sourdough.objects.backlog import Backlog

E = TypeVar("E")

MAX_SECTION_DEPTH = 64


class Section:
    """A critical section, or, at depth 0, the object itself: what sections can begin in."""

    __slots__ = ("_turn", "children", "depth", "ended", "exclusive", "parent")

    def __init__(self, parent: Section | None = None, *, exclusive: bool = False) -> None:
        self.parent = parent
        self.depth: int = 0 if parent is None else parent.depth + 1
        self.exclusive = exclusive
        """Whether it keeps the storage to itself: a transaction, or a query in a thread."""
        self.ended = False
        self.children: set[asyncio.Task[Any]] | None = None
        """Sections begun in this one that run or wait for their turn."""
        self._turn: asyncio.Lock | None = None

    @property
    def turn(self) -> asyncio.Lock:
        """Held by the one of its sections that runs; those begun together go in order."""
        if self._turn is None:
            self._turn = asyncio.Lock()
        return self._turn

    def within(self, outer: Section) -> bool:
        """Say whether this is `outer`, or was begun inside it at any depth."""
        section: Section | None = self
        while section is not None and section is not outer:
            section = section.parent
        return section is outer

    def adopt(self, task: asyncio.Task[Any]) -> None:
        """Note a section that begins in this one."""
        if self.children is None:
            self.children = set()
        self.children.add(task)
        task.add_done_callback(self.children.discard)

    async def settled(self, *, cancel: bool = False) -> None:
        """Return when no section begun in this one is left; `cancel` ends them first."""
        while self.children:
            for child in self.children if cancel else ():
                child.cancel()
            await asyncio.wait(self.children)


current_section: ContextVar[Section | None] = ContextVar("sourdough_section", default=None)
"""The critical section that the running task is inside of (semantics 4.3)."""


class _Waiting(NamedTuple, Generic[E]):
    event: E
    size: int
    since: float


class InputGate(Generic[E]):
    """Which events may enter now. Pure: it returns what may run, the caller runs it."""

    __slots__ = ("_backlog", "_postponed", "_sections", "_size", "_waiting", "open")

    def __init__(self, backlog: Backlog) -> None:
        self._backlog = backlog
        self._sections = 0
        self.open = True
        """Whether an event may enter now. Nothing waits while it is open."""
        self._postponed: list[E] = []
        self._waiting: list[_Waiting[E]] = []
        self._size = 0

    def __len__(self) -> int:
        return len(self._postponed) + len(self._waiting)

    def refuses(self, size: int = 0) -> str | None:
        """Return the text of overload where an event of `size` bytes may not wait, else None."""
        return self._backlog.refuses(len(self._waiting), self._size, size)

    def enter(self, event: E, size: int = 0, since: float = 0.0) -> bool:
        """Say whether `event` may run now; if not it waits in order.

        size: the bytes it keeps in memory. since: what `overdue` compares with.
        """
        if self.open:
            return True
        self._waiting.append(_Waiting(event, size, since))
        self._count(size)
        return False

    def postpone(self, event: E) -> None:
        """Take back an event that had entered and not begun; it stays ahead of later ones."""
        self._postponed.append(event)

    def overdue(self, before: float) -> list[E]:
        """Take out the events that have waited since `before`, or longer."""
        count = 0
        while count < len(self._waiting) and self._waiting[count].since <= before:
            count += 1
        overdue, self._waiting = self._waiting[:count], self._waiting[count:]
        self._count(-sum(each.size for each in overdue))
        return [each.event for each in overdue]

    def lock(self) -> None:
        """A critical section begins."""
        self._sections += 1
        self.open = False

    def unlock(self) -> list[E]:
        """A critical section ends; return the events that may run now."""
        self._sections -= 1
        if self._sections:
            return []
        self.open = True
        return self.drain()

    def drain(self) -> list[E]:
        """Take every waiting event out, in order."""
        waiting = [*self._postponed, *[each.event for each in self._waiting]]
        self._postponed.clear()
        self._waiting.clear()
        self._count(-self._size)
        return waiting

    def _count(self, size: int) -> None:
        self._size += size
        self._backlog.size += size
