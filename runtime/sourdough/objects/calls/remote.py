"""What stands for something that the other side of a call has passed by reference.

A reference is let go by `release()`, at the end of `async with`, or when nothing refers to it any
more. It ends by itself when either side does; using it then says so.
"""

from __future__ import annotations

import asyncio
from collections import deque
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Self

from sourdough.objects.calls.pending import Call
from sourdough.objects.calls.stub import Path
from sourdough.wire.references import Item, Pull

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from sourdough.objects.calls.session import Session

# How much of an iterator's items may be on their way; each counts as at least this much more.
WINDOW = 64 * 1024
ITEM_COST = 1024

RELEASED = "this reference was released"


def cost_of(item: bytes) -> int:
    """Return what an encoded item takes of the window."""
    return ITEM_COST + len(item)


class RemoteReference:
    """One reference; `number` is the owner's."""

    __slots__ = ("__weakref__", "_loop", "_number", "_session", "_times")

    def __init__(self, session: Session, number: int) -> None:
        self._session: Session | None = session
        self._number = number
        # How often it has come.
        self._times = 1
        self._loop = asyncio.get_running_loop()

    def release(self) -> None:
        """Let go; whatever is used later raises. More than once is fine."""
        session, self._session = self._session, None
        if session is not None:
            session.release(self._number, self._times, self)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        self.release()

    def __del__(self) -> None:
        session = getattr(self, "_session", None)
        if session is not None:
            # Possibly in another thread; and where the loop has ended, so has the session.
            with suppress(RuntimeError):
                self._loop.call_soon_threadsafe(session.release, self._number, self._times)

    def _in_use(self) -> Session:
        if self._session is None:
            raise RuntimeError(RELEASED)
        return self._session

    def _call(self, path: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Call:
        return Call(self._in_use().call(self, self._number, path, args, kwargs))

    def _read(self, path: str) -> Coroutine[Any, Any, Any]:
        return self._in_use().call(self, self._number, path, (), {}, reads=True)


class RemoteFunction(RemoteReference):
    """A function of the other side: `await callback("hello")`."""

    __slots__ = ()

    def __call__(self, *args: Any, **kwargs: Any) -> Call:
        return self._call("", args, kwargs)

    def __repr__(self) -> str:
        return "<RemoteFunction>"


class RemoteTarget(RemoteReference):
    """An `RpcTarget` of the other side; its methods and properties are used like a stub's."""

    __slots__ = ("_name",)

    def __init__(self, session: Session, number: int, name: str) -> None:
        super().__init__(session, number)
        self._name = name

    def __getattr__(self, name: str) -> Path:
        if name.startswith("_"):
            raise AttributeError(name)
        return Path(self, name)

    def __repr__(self) -> str:
        return f"<RemoteTarget {self._name}>"


class RemoteIterator(RemoteReference):
    """An async iterator of the other side, which goes on as fast as this one is read."""

    __slots__ = ("_ended", "_error", "_items", "_owed", "_started", "_waiter")

    def __init__(self, session: Session, number: int) -> None:
        super().__init__(session, number)
        self._items: deque[bytes] = deque()
        self._owed = 0
        self._started = False
        self._ended = False
        self._error: BaseException | None = None
        self._waiter: asyncio.Future[None] | None = None

    def __aiter__(self) -> RemoteIterator:
        return self

    async def __anext__(self) -> Any:
        while not self._items:
            if self._error is not None:
                raise self._error
            if self._ended:
                raise StopAsyncIteration
            if not self._started:
                self._started = True
                self._in_use().post(Pull(self._number, WINDOW))
            await self._more()
        item = self._items.popleft()
        self._owed += cost_of(item)
        if self._owed >= WINDOW // 2 and not self._ended:
            self._in_use().post(Pull(self._number, self._owed))
            self._owed = 0
        return self._in_use().decode(item)

    async def _more(self) -> None:
        if self._waiter is not None:
            raise RuntimeError("an iterator is read by one task at a time")
        self._waiter = asyncio.get_running_loop().create_future()
        try:
            await self._waiter
        finally:
            self._waiter = None

    async def aclose(self) -> None:
        """Leave before the end: the other side closes its iterator."""
        self.release()
        self._error = None

    def release(self) -> None:
        """Let go, also of what has come and was not read."""
        items, self._items = self._items, deque()
        for item in items:
            if self._session is not None:
                self._session.discard(item)
        super().release()
        if items or not self._ended:
            self._ended, self._error = True, RuntimeError(RELEASED)
        self._wake()

    def __del__(self) -> None:
        session = getattr(self, "_session", None)
        for item in getattr(self, "_items", ()):
            if session is not None:
                with suppress(RuntimeError):
                    self._loop.call_soon_threadsafe(session.discard, item)
        super().__del__()

    # --- for the session

    def take(self, message: Item) -> None:
        """An item has come."""
        self._items.append(message.value)
        self._wake()

    def end(self, error: BaseException | None) -> None:
        """No more will come."""
        if not self._ended:
            self._ended, self._error = True, error
            self._wake()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def __repr__(self) -> str:
        return "<RemoteIterator>"
