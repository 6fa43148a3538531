"""Which object a task or a timer belongs to: that of the event in whose context it is begun.

Users begin work by `asyncio.create_task`, `TaskGroup`, `gather`, `loop.call_later`. The object that
did so stays in memory for it, and takes it along when it ends (semantics 3.6, 3.10b, 3.11). So a
host's loop gets a task factory, and its `call_later` and `call_at` are wrapped; both look at the
context variable `current_event`. The handler of an event is a task made without the factory: the
path of a request pays nothing.

Not wrapped is `call_soon`: asyncio itself calls it at every step of every task, and what it does is
over in the next turn, long before anything is evicted. Work that outlives an object on purpose
is begun in a context of its own: `create_task(..., context=contextvars.Context())`.

Work of the runtime that an object happens to cause (a link to another host) belongs to no object;
it gets an empty context, so that what it begins in turn belongs to none either. Only the calls of
stubs are the object's.
"""

from __future__ import annotations

import asyncio
from contextvars import Context
from pathlib import Path
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from sourdough.objects.event import current_event
from sourdough.objects.timer import GatedWakeup, OwnTimer

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from sourdough.objects.container import Container

_RUNTIME = Path(__file__).parents[1]
_SHARED = tuple(f"{_RUNTIME / part}/" for part in ("transport", "host", "gateway", "coordinator"))
# A timeout of asyncio does not wait at gates either: it may be what ends a section.
_SHARED_MODULES = (
    "asyncio.", "sourdough.transport.", "sourdough.host.", "sourdough.gateway.",
    "sourdough.coordinator.", "sourdough.clock", "sourdough.movable", "sourdough.objects.container",
)  # fmt: skip
_STUBS = str(_RUNTIME / "host" / "calls.py")

_installed: WeakKeyDictionary[asyncio.AbstractEventLoop, Attribution] = WeakKeyDictionary()


class Attribution:
    """The wrapping of one loop. With `hostCount = 0` hosts share theirs, in a reload two."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._users = 0
        self._task_factory = loop.get_task_factory()
        self._call_later = loop.call_later
        self._call_at = loop.call_at

    @classmethod
    def install(cls, loop: asyncio.AbstractEventLoop) -> Attribution:
        """Begin to attribute; for each call one of `uninstall` ends it."""
        attribution = _installed.get(loop)
        if attribution is None:
            attribution = _installed[loop] = cls(loop)
            attribution._wrap()
        attribution._users += 1
        return attribution

    def uninstall(self) -> None:
        """Give the loop back as it was, when nobody else needs it."""
        self._users -= 1
        if self._users:
            return
        del _installed[self._loop]
        loop: Any = self._loop
        loop.set_task_factory(self._task_factory)
        del loop.call_later, loop.call_at

    def _wrap(self) -> None:
        loop: Any = self._loop
        loop.set_task_factory(self._new_task)
        loop.call_later = self._later
        loop.call_at = self._at

    def _new_task(
        self, loop: asyncio.AbstractEventLoop, coroutine: Coroutine[Any, Any, Any], **options: Any
    ) -> asyncio.Task[Any]:
        container = _container(options.get("context"))
        if container is not None and options.get("context") is None and _is_shared(coroutine):
            options["context"] = Context()
            container = None
        if self._task_factory is None:
            task: asyncio.Task[Any] = asyncio.Task(coroutine, loop=loop, **options)
        else:
            task = self._task_factory(loop, coroutine, **options)  # type: ignore[assignment]
        if container is not None:
            container.work.adopt(task)
        return task

    def _later(
        self, delay: float, callback: Any, *args: Any, context: Context | None = None
    ) -> asyncio.TimerHandle:
        return self._set(self._call_later, delay, callback, args, context)

    def _at(
        self, when: float, callback: Any, *args: Any, context: Context | None = None
    ) -> asyncio.TimerHandle:
        return self._set(self._call_at, when, callback, args, context)

    def _set(
        self,
        original: Callable[..., asyncio.TimerHandle],
        time: float,
        callback: Any,
        args: tuple[Any, ...],
        context: Context | None,
    ) -> asyncio.TimerHandle:
        container = None if isinstance(callback, OwnTimer) else _container(context)
        module = "" if container is None else getattr(callback, "__module__", None) or ""
        if module == "asyncio.futures":  # sleep()
            assert container is not None
            timer = original(time, GatedWakeup(container, callback, args), context=context)
            if asyncio.current_task(self._loop) is None:
                timer.cancel()  # of code that was cut off, which nothing wakes; it would be kept for it
            return timer
        if container is None or module.startswith(_SHARED_MODULES):
            return original(time, callback, *args, context=context)
        return container.work.schedule(
            callback, args, lambda timer: original(time, timer, context=context)
        )


def _container(context: Context | None) -> Container | None:
    """Return the object that a context belongs to; None is the running one."""
    event = current_event.get() if context is None else context.get(current_event)
    return None if event is None else event.container


def _is_shared(coroutine: Coroutine[Any, Any, Any]) -> bool:
    code = getattr(coroutine, "cr_code", None)
    file = "" if code is None else code.co_filename
    return file.startswith(_SHARED) and file != _STUBS
