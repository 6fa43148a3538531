"""`ctx`: what an object knows of itself and may ask of the runtime."""

from __future__ import annotations

import asyncio
import inspect
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar, overload

from sourdough.errors import DurableObjectError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine

    from sourdough.ids import ObjectId
    from sourdough.objects.container import Container
    from sourdough.storage.storage import Storage

T = TypeVar("T")


class DurableObjectState:
    """The `ctx` of a Durable Object: its `id` and its `storage`."""

    __slots__ = ("_container", "id", "storage")

    def __init__(self, object_id: ObjectId, storage: Storage) -> None:
        self.id = object_id
        self.storage = storage
        self._container: Container | None = None

    def attach(self, container: Container) -> None:
        """Tell the state which container it belongs to; done once, before the constructor."""
        self._container = container

    def wait_until(self, work: Coroutine[Any, Any, Any]) -> None:
        """Run a coroutine in the background; the object stays in memory until it has ended."""
        self._owner().work.background(work)

    @overload
    def block_concurrency_while(self, section: Callable[[], Awaitable[T]]) -> Awaitable[T]: ...
    @overload
    def block_concurrency_while(self, section: Callable[[], T]) -> Awaitable[T]: ...
    def block_concurrency_while(self, section: Callable[[], Any]) -> Awaitable[Any]:
        """Run `section` while no other event may enter this object (semantics 4.3).

        Works from the constructor too, without `await`. If the section raises or takes more than
        30 s, the object is reset and its callers get the error. Raises TypeError for what is no
        function, a coroutine for example: nothing is reset then.
        """
        if not callable(section):
            if inspect.iscoroutine(section):
                section.close()
            raise TypeError(
                "block_concurrency_while() takes a function, and calls it itself,"
                f" not {type(section).__name__}"
            )
        return self._owner().sections.begin(section)

    def abort(self, reason: str | None = None, *, retry_alarm: bool = True) -> NoReturn:
        """Reset this object at once: what is not committed is lost, callers get `reason`.

        retry_alarm: whether an alarm that runs is run again, as after any failure (semantics 6.12).
        """
        if not retry_alarm:
            self._owner().abandon_alarm()
        text = reason or "Application called abort() to reset Durable Object."
        self._owner().reset(DurableObjectError(text, remote=True, durable_object_reset=True))
        raise asyncio.CancelledError(text)

    def _owner(self) -> Container:
        if self._container is None:
            raise RuntimeError("this ctx belongs to no object")
        return self._container


class EntrypointContext:
    """The `ctx` of an entrypoint: background work that outlives the answer."""

    __slots__ = ("_tasks",)

    def __init__(self, tasks: set[asyncio.Task[Any]]) -> None:
        self._tasks = tasks

    def wait_until(self, work: Coroutine[Any, Any, Any]) -> None:
        """Run a coroutine in the background, after the answer has left."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
