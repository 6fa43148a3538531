"""What makes commits durable, as the database of one object sees it.

An `Engine` serves all objects of a host; an `ObjectFile` is one object's open database file.
Commits of one object have rising numbers from each opening on; number n is durable once
`durable >= n`. A found, possibly unsynced WAL of a predecessor counts as commit 1 (take-over makes
found commits durable), as does the image of a newly created file (invariant S7).
"""

from __future__ import annotations

import asyncio
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import apsw

    from sourdough.storage.awake import Awake
    from sourdough.storage.limits import SqlLimits
    from sourdough.storage.stopwatch import Stopwatch


class Durability(StrEnum):
    """How far a commit must get before an answer may leave."""

    DISK = "disk"  # synced: survives a loss of power
    OS = "os"  # written: survives the death of the process
    MEMORY = "memory"  # committed: the same promise as `os` with this engine


class ObjectFile(Protocol):
    """The open database file of one object."""

    connection: apsw.Connection
    commits: int
    """The number of the last commit."""
    lent: bool
    """Whether a thread uses the connection: nothing else may touch it meanwhile."""
    rest: Callable[[], bool]
    """Has who uses the file doze now; says whether that could be."""

    @property
    def in_order(self) -> bool:
        """Whether its commits are durable when the engine's order has reached them."""
        ...

    @property
    def durable(self) -> int:
        """The number of the last durable commit."""
        ...

    def committed(self) -> int:
        """Note that a transaction was committed; return the number it depends on.

        Raises StorageError where it could not be written down: the object must be reset.
        """
        ...

    def admit(self) -> None:
        """Raise StorageFullError where a commit is bound to fail: nothing is committed then."""
        ...

    def when_durable(self, commit: int, callback: Callable[[Exception | None], None]) -> None:
        """Call back once: with None when the commit is durable, else with what went wrong."""
        ...

    def doze(self) -> bool:
        """Fold and close, if nothing has to be waited for; say whether it is closed."""
        ...

    def wake(self) -> apsw.Connection:
        """Open a file that dozes; `connection` is another one from here on. Raises StorageError."""
        ...

    async def close(self, *, fold: bool) -> None:
        """Make everything durable, fold the WAL into the file if asked, close."""
        ...

    def abandon(self, error: Exception) -> None:
        """Close now, without folding; who waits gets `error`."""
        ...


class Durable(Protocol):
    """What tells when a commit is durable: an object's file, or its database."""

    def when_durable(self, commit: int, callback: Callable[[Exception | None], None]) -> None:
        """Call back once: with None when the commit is durable, else with what went wrong."""
        ...


async def wait_until_durable(file: Durable, commit: int) -> None:
    """Return when a commit is durable; raises what a sync raised."""
    done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def settle(error: Exception | None) -> None:
        if done.done():
            return
        if error is None:
            done.set_result(None)
        else:
            done.set_exception(error)

    file.when_durable(commit, settle)
    await done


class CommitOrder(Protocol):
    """The one order in which the commits of all objects of an engine become durable."""

    def reached(self) -> int:
        """Return the number up to which all of them are durable."""
        ...

    def when(
        self, commit: int, owner: object, callback: Callable[[Exception | None], None]
    ) -> None:
        """Call back once: with None when a commit is durable, else with what went wrong."""
        ...


def when_both(
    file: ObjectFile | None,
    own: int,
    order: CommitOrder,
    commit: int,
    owner: object,
    callback: Callable[[Exception | None], None],
) -> None:
    """Call back once when an object's own commit is durable and the order has reached `commit`.

    The order says nothing of an own commit that is not in it, as a large one that is being copied.
    """
    if file is None or file.in_order or own <= file.durable:
        order.when(commit, owner, callback)
        return

    def durable(error: Exception | None) -> None:
        if error is None:
            order.when(commit, owner, callback)
        else:
            callback(error)

    file.when_durable(own, durable)


class Engine(Protocol):
    """Opens object files and makes their commits durable."""

    order: CommitOrder | None
    """None where each object's commits are numbered, and become durable, by themselves."""
    awake: Awake | None
    """The open databases of the host; None: these never doze."""
    limits: SqlLimits
    stopwatch: Stopwatch

    def exists(self, path: Path) -> bool:
        """Say whether there is an object; clear away a creation that was never acknowledged."""
        ...

    def open(self, path: Path) -> ObjectFile:
        """Open an existing file."""
        ...

    def create(self, path: Path, image: bytes) -> ObjectFile:
        """Make a file of a serialised database, in WAL mode; the image is commit 1."""
        ...

    def remove(self, path: Path) -> int:
        """Delete an object for good; nobody has it open. Return how many bytes that freed."""
        ...

    def facets(self, path: Path) -> list[Path]:
        """Return the databases of all facets below one, in the order in which to remove them."""
        ...

    def fail(self, error: Exception) -> None:
        """Note a sync that failed elsewhere (in SQLite): final for the host (invariant S2)."""
        ...
