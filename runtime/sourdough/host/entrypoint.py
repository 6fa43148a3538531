"""Runs the app's entrypoint: stateless code in front of the objects."""

from __future__ import annotations

import asyncio
import inspect
import time
from typing import TYPE_CHECKING, Any

from sourdough.errors import DurableObjectError
from sourdough.host.app import AsgiHost, hosted
from sourdough.http import Response
from sourdough.objects.context import EntrypointContext
from sourdough.objects.event import Event, closed_from_outside, current_event
from sourdough.objects.failure import WrongResultError
from sourdough.objects.standstill import place_of
from sourdough.wire.messages import Waiting

if TYPE_CHECKING:
    from collections.abc import Callable, Container

    from sourdough.objects.durable_object import WorkerEntrypoint


class Entrypoint:
    """The class `Default` of the module that `main` names, an instance for each request; or the
    app that `main` names.
    """

    def __init__(
        self, cls: type[WorkerEntrypoint], env: Any, loop: asyncio.AbstractEventLoop
    ) -> None:
        self._cls = cls
        self._env = env
        self._loop = loop
        self._app = hosted(cls, env)
        self._tasks: set[asyncio.Task[Any]] = set()
        self._answered = 0.0
        self.events: dict[Event, asyncio.Task[None]] = {}
        self.on_ended: Callable[[Event], None] = lambda _: None
        """Told of each request that has been answered."""

    @property
    def has_startup(self) -> bool:
        """Whether `startup` may take its time."""
        return isinstance(self._app, AsgiHost)

    async def startup(self) -> None:
        """Start what must be up before the first request: the lifespan of an app."""
        if self._app is not None:
            await self._app.startup()

    async def shutdown(self) -> None:
        """End it; no request runs any more."""
        if self._app is not None:
            await self._app.shutdown()

    @property
    def busy(self) -> bool:
        """Whether a request is worked on, also one whose client has left, or a `wait_until`."""
        return bool(self.events or self._tasks)

    def works(self, overdue: Container[Event]) -> bool:
        """Whether a drain waits for anything here; not for events that are `overdue`."""
        return bool(self._tasks) or any(event not in overdue for event in self.events)

    def deliver(self, event: Event) -> None:
        """Answer a request in a task of its own."""
        self.events[event] = self._loop.create_task(self._run(event))

    def waiting(self) -> Waiting:
        """Describe the oldest request, else background work, for a drain that waits for it."""
        name = self._cls.__name__
        if not self.events:
            place = next((place_of(task) for task in self._tasks), None)
            seconds = time.monotonic() - self._answered
            return Waiting(object=name, what="background work", seconds=seconds, place=place)
        event, task = next(iter(self.events.items()))
        seconds = time.monotonic() - event.started
        return Waiting(object=name, what=event.what, seconds=seconds, place=place_of(task))

    async def _run(self, event: Event) -> None:
        current_event.set(event)
        try:
            response = await self._fetch(event)
            if response.complete:
                event.reply.respond(response)
            else:
                await event.reply.stream(response, _nothing_to_confirm)
        except asyncio.CancelledError:
            # Nobody else cancels this task: without an answer the client would wait for ever.
            event.reply.failed(DurableObjectError("the handler was cancelled", remote=True))
            raise
        except BaseException as error:  # sys.exit() in user code must not end the host
            if isinstance(error, GeneratorExit) and closed_from_outside(event):
                raise
            event.reply.failed(error)
        finally:
            del self.events[event]
            self.on_ended(event)
            self._answered = time.monotonic()

    def instance(self) -> tuple[WorkerEntrypoint, Any, EntrypointContext]:
        """Return a new instance for something that is no request, with its env and ctx."""
        context = EntrypointContext(self._tasks)
        return self._cls(context, self._env), self._env, context

    async def _fetch(self, event: Event) -> Response:
        assert event.request is not None
        if self._app is not None:
            return await self._app.fetch(event.request, EntrypointContext(self._tasks))
        instance = self._cls(EntrypointContext(self._tasks), self._env)
        response: Any = instance.fetch(event.request)
        if inspect.isawaitable(response):
            response = await response
        if not isinstance(response, Response):
            raise WrongResultError(
                f"{self._cls.__name__}.fetch() returned {type(response).__name__}, not a Response"
            )
        return response


def _nothing_to_confirm() -> None:
    return None
