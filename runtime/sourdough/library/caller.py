"""What the stubs of a program call through: the member's own calls, once the hosts run the class.

The calls of one stub stay in order (invariant D4), also those that were made before there was a
host, which wait for one.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from sourdough.clock import SYSTEM_CLOCK

if TYPE_CHECKING:
    from collections.abc import Callable

    from sourdough.clock import Timeout
    from sourdough.http import Request, Response
    from sourdough.library.classes import KnownClass
    from sourdough.library.membership import Membership


class Track:
    """The calls of one stub: `last` is the newest that waits for the hosts."""

    __slots__ = ("caller", "last", "order")

    def __init__(self) -> None:
        self.last: asyncio.Future[None] | None = None
        self.caller: Any = None
        self.order: Any = None


class ClassCaller:
    """The `Caller` of all stubs of one class."""

    def __init__(self, membership: Callable[[], Membership], known: KnownClass) -> None:
        """membership: the present one; raises SourdoughError while there is none."""
        self._membership = membership
        self._known = known

    def new_order(self) -> Track:
        """Return what keeps the calls of a new stub in order."""
        return Track()

    def timeout(self, seconds: float) -> Timeout:
        """Return a limit by the machine's clock: a program's own time is never moved."""
        return SYSTEM_CLOCK.timeout(seconds)

    async def fetch(self, key: bytes, name: str | None, request: Request, order: Track) -> Response:
        """Send a request to an object; see `objects.calls.stub.Caller`."""
        caller = await self._ready(order)
        response: Response = await caller.fetch(key, name, request, order.order)
        return response

    async def call(
        self,
        key: bytes,
        name: str | None,
        path: str,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        order: Track,
    ) -> Any:
        """Call a method of an object; see `objects.calls.stub.Caller`."""
        caller = await self._ready(order)
        return await caller.call(key, name, path, args, kwargs, order.order)

    async def read(self, key: bytes, name: str | None, path: str, order: Track) -> Any:
        """Read a property of an object; see `objects.calls.stub.Caller`."""
        caller = await self._ready(order)
        return await caller.read(key, name, path, order.order)

    async def _ready(self, track: Track) -> Any:
        membership = self._membership()
        if track.last is not None or not membership.runs(self._known):
            await self._queue(membership, track)
        caller = membership.member.caller
        if track.caller is not caller:  # the first call, or the coordinator was started again
            track.caller, track.order = caller, caller.new_order()
        return caller

    async def _queue(self, membership: Membership, track: Track) -> None:
        before = track.last
        passed = track.last = asyncio.get_running_loop().create_future()
        try:
            if before is not None:
                await asyncio.wait([before])
            await membership.ensure(self._known)
        finally:
            passed.set_result(None)
            if track.last is passed:
                track.last = None
