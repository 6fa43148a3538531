"""`ctx`: what an object knows of itself and may ask of the runtime."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

from sourdough.errors import DurableObjectError
from sourdough.objects.gates import MAX_SECTION_DEPTH, Section, current_section

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine

    from sourdough.ids import ObjectId
    from sourdough.objects.container import Container
    from sourdough.storage.storage import Storage

T = TypeVar("T")

# How long a critical section may take (semantics 4.3), in seconds.
SECTION_SECONDS = 30.0


class DurableObjectState:
    """The `ctx` of a Durable Object: its `id` and its `storage`."""

    __slots__ = ("_container", "_section_seconds", "id", "storage")

    def __init__(
        self,
        object_id: ObjectId,
        storage: Storage,
        *,
        section_seconds: float = SECTION_SECONDS,
    ) -> None:
        self.id = object_id
        self.storage = storage
        self._section_seconds = section_seconds
        self._container: Container | None = None

    def attach(self, container: Container) -> None:
        """Tell the state which container it belongs to; done once, before the constructor."""
        self._container = container

    def wait_until(self, work: Coroutine[Any, Any, Any]) -> None:
        """Run a coroutine in the background; the object stays in memory until it has ended."""
        self._owner().background(work)

    def block_concurrency_while(self, section: Callable[[], Awaitable[T]]) -> Awaitable[T]:
        """Run `section` while no other event may enter this object (semantics 4.3).

        Works from the constructor too, without `await`. If the section raises or takes more than
        30 s, the object is reset and its callers get the error.
        """
        owner = self._owner()
        parent = current_section.get() or owner.sections
        if parent.depth >= MAX_SECTION_DEPTH:
            raise RuntimeError("block_concurrency_while() calls are nested too deeply.")
        task = owner.lock(self._section(owner, section, Section(parent.depth + 1), parent.last))
        parent.last = task
        return task

    async def _section(
        self,
        owner: Container,
        work: Callable[[], Awaitable[T]],
        section: Section,
        before: asyncio.Task[Any] | None,
    ) -> T:
        if before is not None and not before.done():
            await asyncio.wait([before])
        current_section.set(section)
        limit = asyncio.timeout(self._section_seconds)
        try:
            async with limit:
                return await work()
        except asyncio.CancelledError:
            raise
        except BaseException as error:  # sys.exit() too: it must not end the host
            owner.reset(_section_too_long() if limit.expired() else error)
            raise asyncio.CancelledError from error

    def abort(self, reason: str | None = None) -> NoReturn:
        """Reset this object at once: what is not committed is lost, callers get `reason`."""
        text = reason or "Application called abort() to reset Durable Object."
        self._owner().reset(DurableObjectError(text, remote=True, durable_object_reset=True))
        raise asyncio.CancelledError(text)

    def _owner(self) -> Container:
        if self._container is None:
            raise RuntimeError("this ctx belongs to no object")
        return self._container


def _section_too_long() -> DurableObjectError:
    return DurableObjectError(
        "A call to block_concurrency_while() in a Durable Object waited for too long. "
        "The call was canceled and the Durable Object was reset.",
        overloaded=True,
        durable_object_reset=True,
    )


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
