"""Who may use an object's storage while somebody keeps it to himself.

A transaction, or a query in a thread, belongs to one critical section. What was begun inside that
section uses the storage; everything else of the object waits, or, where it cannot wait, is told.
`storage` only asks; the critical sections themselves are the business of `objects`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

T = TypeVar("T")

HELD = (
    "This object's storage is held by a transaction (or a query in a thread) that another task"
    " began. A synchronous call cannot wait for its end: await a method of ctx.storage instead, or"
    " await ctx.storage.sync() before it."
)


class Admission(Protocol):
    """The critical sections of one object, as its storage sees them."""

    def check(self) -> None:
        """Raise StorageError where the running task is outside of the section that holds on."""
        ...

    async def admitted(self) -> None:
        """Return when the running task may use the storage."""
        ...

    async def exclusively(self, work: Callable[[], Awaitable[T]], *, limited: bool = True) -> T:
        """Run `work` in a critical section that keeps the storage to itself; return its result.

        What `work` raises is raised here and resets nothing. limited: by the time that critical
        sections have (30 s), after which the object is reset.
        """
        ...

    async def settled(self, *, cancel: bool = False) -> None:
        """Return when no section begun inside the running one is left; `cancel` ends them."""
        ...
