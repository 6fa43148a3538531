"""Where time comes from. Logic takes a Clock; only this file reads the real one (invariant T1).

What concerns a real process or socket alone (the end of a child, the silence of a client, how long
a statement takes) may wait by the event loop's own clock; its code says so.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType


class Timer(Protocol):
    """A call that is due later."""

    def cancel(self) -> None:
        """Have it not happen; does nothing once it has."""
        ...


class Timeout(Protocol):
    """`async with`: cancels what is inside when its time is over, and raises TimeoutError then."""

    async def __aenter__(self) -> object: ...

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
        /,
    ) -> bool | None: ...

    def expired(self) -> bool:
        """Whether the time was over before the inside was."""
        ...


class Clock(Protocol):
    """A source of time. Durations are in seconds, and measured by the monotonic clock."""

    def now(self) -> float:
        """Seconds since the Unix epoch, by the wall clock, which may step."""
        ...

    def monotonic(self) -> float:
        """Seconds since some fixed moment; never goes back."""
        ...

    def call_later(
        self, seconds: float, callback: Callable[..., object], /, *args: object
    ) -> Timer:
        """Call back when `seconds` are over, on the running loop."""
        ...

    async def sleep(self, seconds: float, /) -> None:
        """Return when `seconds` are over."""
        ...

    def timeout(self, seconds: float | None, /) -> Timeout:
        """Bound what is inside of `async with`; None does not."""
        ...


class SystemClock:
    """The machine's own clocks, and the loop's own timers: nothing stands in between."""

    now = staticmethod(time.time)  # noqa: TID251 (the one place that may)
    monotonic = staticmethod(time.monotonic)
    sleep = staticmethod(asyncio.sleep)
    timeout = staticmethod(asyncio.timeout)

    def call_later(self, seconds: float, callback: Callable[..., object], *args: object) -> Timer:
        return asyncio.get_running_loop().call_later(seconds, callback, *args)


SYSTEM_CLOCK = SystemClock()
"""It has no state, so one will do."""
