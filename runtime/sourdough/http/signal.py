"""Whether whoever made a request still waits for the answer."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


class Signal:
    """`request.signal`: says that the client has left. A client that left never comes back.

    A client that only has ended its sending may still read, and gets its answer: one that is gone is
    noticed when something is sent to it. It ends the body streams of its request, not the object's
    work (invariant D7). What should stop then looks (`if request.signal.aborted`) or waits
    (`await request.signal.wait()`).
    """

    __slots__ = ("_aborted", "_callbacks")

    def __init__(self, *, aborted: bool = False) -> None:
        self._aborted = aborted
        self._callbacks: list[Callable[[], None]] = []

    @property
    def aborted(self) -> bool:
        """Whether the client has left."""
        return self._aborted

    async def wait(self) -> None:
        """Return when the client has left; where it took the whole answer, that is never."""
        if self._aborted:
            return
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()

        def wake() -> None:
            if not waiter.done():
                waiter.set_result(None)

        self._callbacks.append(wake)
        try:
            await waiter
        finally:
            if wake in self._callbacks:
                self._callbacks.remove(wake)

    def when_aborted(self, callback: Callable[[], None]) -> None:
        """Have `callback` called, once, when the client leaves; now if it has."""
        if self._aborted:
            callback()
        else:
            self._callbacks.append(callback)

    def abort(self) -> None:
        """The client has left; called by the host."""
        self._aborted = True
        callbacks, self._callbacks = self._callbacks, []
        for callback in callbacks:
            callback()

    def __repr__(self) -> str:
        return "<Signal: the client has left>" if self._aborted else "<Signal>"
