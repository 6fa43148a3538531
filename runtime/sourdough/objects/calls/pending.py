"""A call that was made: to be awaited, run as a task, or iterated over."""

from __future__ import annotations

from collections.abc import AsyncIterator, Coroutine
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Generator


class Call(Coroutine[Any, Any, Any]):
    """A coroutine, and an async iterable: `await stub.join()`, `async for x in stub.watch()`.

    It is sent when it first runs. Iterating awaits it, and goes through the iterator it returns.
    """

    __slots__ = ("_coroutine",)

    def __init__(self, coroutine: Coroutine[Any, Any, Any]) -> None:
        self._coroutine = coroutine

    def __await__(self) -> Generator[Any, Any, Any]:
        return self._coroutine.__await__()

    def __aiter__(self) -> AsyncIterator[Any]:
        return CallItems(self._coroutine)

    # --- of a coroutine

    def send(self, value: Any) -> Any:
        return self._coroutine.send(value)

    def throw(self, *error: Any) -> Any:
        return self._coroutine.throw(*error)

    def close(self) -> None:
        self._coroutine.close()

    @property
    def cr_await(self) -> Any:
        """For those who look where a task stands."""
        return self._coroutine


class CallItems:
    """The items of what a call returns."""

    __slots__ = ("_coroutine", "_items")

    def __init__(self, coroutine: Coroutine[Any, Any, Any]) -> None:
        self._coroutine: Coroutine[Any, Any, Any] | None = coroutine
        self._items: Any = None

    def __aiter__(self) -> CallItems:
        return self

    async def __anext__(self) -> Any:
        if self._coroutine is not None:
            coroutine, self._coroutine = self._coroutine, None
            found = await coroutine
            if not hasattr(type(found), "__aiter__"):
                raise TypeError(
                    f"'async for' needs a method that yields; this one returned {type(found).__name__}"
                )
            self._items = aiter(found)
        if self._items is None:
            raise StopAsyncIteration
        return await anext(self._items)

    async def aclose(self) -> None:
        """Leave: the method stops where it yields."""
        if self._coroutine is not None:
            self._coroutine.close()
        items, self._coroutine, self._items = self._items, None, None
        if hasattr(items, "aclose"):
            await items.aclose()
