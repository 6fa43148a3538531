"""Who owns what is passed by reference from outside of objects: the requests of the entrypoint.

What a request has lent is gone when it has ended: its handler has returned, its answer has left,
and no call it has made is waited for any more (semantics 2.9).
"""

from __future__ import annotations

import asyncio
from contextvars import Context
from typing import TYPE_CHECKING, Any, TypeVar

from sourdough.objects.calls.invocation import invoke
from sourdough.objects.calls.session import Session, gone_error
from sourdough.objects.event import current_event

if TYPE_CHECKING:
    from collections.abc import Awaitable, Coroutine

    from sourdough.host.calls import Calls
    from sourdough.objects.event import Event, ReferenceEvent
    from sourdough.objects.owner import Kept

T = TypeVar("T")


class Contexts:
    """The contexts of a host's requests; most requests never have one."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._by_event: dict[Event, RequestContext] = {}

    def session(self, event: Event | None, calls: Calls) -> Session:
        """Return the caller's side of a new session; no event: of code that serves no request."""
        if event is None:
            return Session(RequestContext(self._loop, None), calls)
        context = self._by_event.get(event)
        if context is None:
            context = self._by_event[event] = RequestContext(self._loop, event)
        return Session(context, calls)

    def ended(self, event: Event) -> None:
        """A request has been answered: what it has lent is gone."""
        context = self._by_event.pop(event, None)
        if context is not None:
            context.end()


class RequestContext:
    """Implements `objects.owner.Owner` for a request of the entrypoint."""

    def __init__(self, loop: asyncio.AbstractEventLoop, event: Event | None) -> None:
        self._loop = loop
        self._event = event
        self._tasks: set[asyncio.Task[Any]] = set()
        self.number = 0 if event is None else event.number
        self.version = 0 if event is None else event.version
        self.alive = True
        self._sessions: list[Session] = []

    def deliver(self, event: ReferenceEvent) -> None:
        """Run a call of something that the request has lent, beside its handler."""
        context = Context()
        context.run(current_event.set, self._event)
        task = self._loop.create_task(self._run(event), context=context)
        event.task = task
        self._note(task)

    async def _run(self, event: ReferenceEvent) -> None:
        try:
            event.reply.returned(await invoke(event.target, event, self))
        except asyncio.CancelledError as error:
            event.reply.failed(error)
            raise
        except GeneratorExit:
            raise
        except BaseException as error:  # noqa: BLE001 (told to the caller)
            event.reply.failed(error)

    def spawn(self, coroutine: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        """Run something on behalf of the request."""
        task = asyncio.Task(coroutine, loop=self._loop)
        self._note(task)
        return task

    def _note(self, task: asyncio.Task[Any]) -> None:
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def confirmed(self) -> Awaitable[None] | None:
        """A request of the entrypoint has written nothing."""
        return None

    def keep(self, reason: str) -> Kept:
        """Nothing evicts a request."""
        return _Kept()

    def attach(self, session: Session) -> None:
        """It has a session more."""
        self._sessions.append(session)

    def ending(self) -> BaseException | None:
        return None if self.alive else gone_error()

    def end(self) -> None:
        """The request has been answered."""
        self.alive = False
        for session in self._sessions:
            session.withdraw()
        for task in self._tasks:
            task.cancel()


class _Kept:
    __slots__ = ()

    def release(self) -> None:
        pass
