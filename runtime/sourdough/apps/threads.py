"""Asynchronous work for code that runs in a thread: `sourdough.run(awaitable)`.

A WSGI app is called in a thread of the host, in the context of its request. What it awaits runs on
the host's loop meanwhile, on behalf of the same request.
"""

from __future__ import annotations

import asyncio
import inspect
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterator

T = TypeVar("T")

serving_loop: ContextVar[asyncio.AbstractEventLoop | None] = ContextVar(
    "sourdough_serving_loop", default=None
)
"""The loop of the host; set in the context of a thread that serves a request."""


def run(awaitable: Awaitable[T]) -> T:
    """Run something asynchronous from a WSGI app, and return its result or raise its error.

    Raises RuntimeError where no WSGI app runs: there, `await` it.
    """
    if inspect.iscoroutine(awaitable) and _loop() is None:
        awaitable.close()
    return call(lambda: awaitable)


def call(begin: Callable[[], Awaitable[T]]) -> T:
    """Call a function on the loop and wait for what it begins. Raises as `run` does."""
    loop = _loop()
    if loop is None:
        raise RuntimeError("sourdough.run() is for the threads of a WSGI app; elsewhere, await it")

    async def running() -> T:
        return await begin()

    return asyncio.run_coroutine_threadsafe(running(), loop).result()


def iterate(source: AsyncIterator[Any]) -> Iterator[Any]:
    """Iterate an asynchronous iterator from a thread; it is closed with this one."""
    end = object()

    async def following() -> Any:
        return await anext(source, end)

    try:
        while (item := call(following)) is not end:
            yield item
    finally:
        close = getattr(source, "aclose", None)
        if close is not None:
            call(close)


def _loop() -> asyncio.AbstractEventLoop | None:
    """Return the loop to hand work to: none where this thread runs a loop itself."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return serving_loop.get()
    return None
