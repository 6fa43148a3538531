"""The critical sections of one object: who runs, who waits, who may use the storage meanwhile.

Sections that begin in the same place run one after another; one that begins inside another runs at
once, and the outer one does not end before it (semantics 4.3). Events wait at the input gate. What
comes back to tasks that were running already (a stub's answer, a timer) and their storage calls wait
until no section is open that they are outside of (semantics 4.1.1; 12, trap 9).
"""

from __future__ import annotations

import asyncio
import inspect
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from sourdough.errors import DurableObjectError, StorageError
from sourdough.objects.gates import MAX_SECTION_DEPTH, Section, current_section
from sourdough.storage.admission import HELD

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from sourdough.clock import Clock
    from sourdough.objects.container import Container

T = TypeVar("T")

# How long a critical section may take (semantics 4.3), in seconds.
SECTION_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class _Outcome(Generic[T]):
    """How some work ended that must not reset the object by raising."""

    value: T | None = None
    error: BaseException | None = None

    def result(self) -> T:
        if self.error is not None:
            raise self.error
        return self.value  # type: ignore[return-value]  # None is a T where the work returned it


class Sections:
    """Implements `storage.admission.Admission`; one per container."""

    __slots__ = ("_clock", "_open", "_owner", "_root", "_seconds", "_waiters")

    def __init__(self, owner: Container, clock: Clock, seconds: float = SECTION_SECONDS) -> None:
        self._owner = owner
        self._clock = clock
        self._seconds = seconds
        self._root: Section | None = None
        self._open: tuple[Section, ...] = ()
        """Those that run, each begun inside the one before it."""
        self._waiters: list[asyncio.Future[None]] | None = None

    def begin(
        self,
        work: Callable[[], Awaitable[T]],
        *,
        limited: bool = True,
        exclusive: bool = False,
    ) -> asyncio.Task[T]:
        """Begin a critical section; the object is reset if `work` raises or takes too long.

        Raises RuntimeError beyond 64 sections inside each other.
        """
        parent = self._current()
        if parent.depth >= MAX_SECTION_DEPTH:
            raise RuntimeError("block_concurrency_while() calls are nested too deeply.")
        section = Section(parent, exclusive=exclusive)
        task = self._owner.lock(self._run(section, work, self._seconds if limited else None))
        parent.adopt(task)
        return task

    # --- Admission

    def check(self) -> None:
        """Raise StorageError where the running task is outside of the section that holds on."""
        for section in reversed(self._open):
            if section.exclusive:
                if not self._current().within(section):
                    raise StorageError(HELD)
                return

    async def admitted(self) -> None:
        """Return when the running task may use the storage."""
        while (waiter := self.entrance()) is not None:
            await waiter

    def entrance(self) -> asyncio.Future[None] | None:
        """Return None where what runs now may go on, else what to wait for before asking again."""
        if not self._open or self._current().within(self._open[-1]):
            return None
        waiter = asyncio.get_running_loop().create_future()
        if self._waiters is None:
            self._waiters = []
        self._waiters.append(waiter)
        return waiter

    async def exclusively(self, work: Callable[[], Awaitable[T]], *, limited: bool = True) -> T:
        """Run `work` in a section that keeps the storage to itself; what it raises resets nothing."""

        async def captured() -> _Outcome[T]:
            try:
                return _Outcome(value=await work())
            except asyncio.CancelledError:
                raise
            except BaseException as error:  # noqa: BLE001 (raised again where the caller is)
                return _Outcome(error=error)

        outcome = await self.begin(captured, limited=limited, exclusive=True)
        return outcome.result()

    async def settled(self, *, cancel: bool = False) -> None:
        """Return when no section begun inside the running one is left."""
        await self._current().settled(cancel=cancel)

    def give_up(self) -> None:
        """The object was reset: whoever waits for its storage finds out that it is closed."""
        self._open = ()
        self._owner.database.hold = None
        self._wake()

    # --- inside

    def _current(self) -> Section:
        """Return the innermost section around the running task that has not ended."""
        section = current_section.get()
        while section is not None and section.ended and section.parent is not None:
            section = section.parent
        if section is not None:
            return section
        if self._root is None:
            self._root = Section()
        return self._root

    async def _run(
        self, section: Section, work: Callable[[], Awaitable[T]], seconds: float | None
    ) -> T:
        assert section.parent is not None
        current_section.set(section)
        async with section.parent.turn:
            self._enter(section)
            try:
                return await self._bounded(section, work, seconds)
            finally:
                self._leave(section)

    async def _bounded(
        self, section: Section, work: Callable[[], Awaitable[T]], seconds: float | None
    ) -> T:
        limit = self._clock.timeout(seconds)
        try:
            async with limit:
                begun: Any = work()
                # A plain function is a section as well (semantics 4.3).
                result: T = await begun if inspect.isawaitable(begun) else begun
                await section.settled()
                return result
        except asyncio.CancelledError:
            await section.settled(cancel=True)
            raise
        except GeneratorExit:
            raise  # the loop is gone: there is nobody to tell
        except BaseException as error:  # sys.exit() too: it must not end the host
            self._owner.reset(_section_too_long() if limit.expired() else error)
            raise asyncio.CancelledError from error

    def _enter(self, section: Section) -> None:
        self._open = (*self._open, section)
        self._owner.database.hold = self

    def _leave(self, section: Section) -> None:
        section.ended = True
        self._open = tuple(each for each in self._open if each is not section)
        if not self._open:
            self._owner.database.hold = None
        if self._waiters:
            # After whoever awaits the section, as the events do (semantics 4.3).
            loop = asyncio.get_running_loop()
            loop.call_soon(loop.call_soon, self._wake)

    def _wake(self) -> None:
        waiters, self._waiters = self._waiters, None
        for waiter in waiters or ():
            if not waiter.done():
                waiter.set_result(None)


def _section_too_long() -> DurableObjectError:
    return DurableObjectError(
        "A call to block_concurrency_while() in a Durable Object waited for too long. "
        "The call was canceled and the Durable Object was reset.",
        overloaded=True,
        durable_object_reset=True,
    )
