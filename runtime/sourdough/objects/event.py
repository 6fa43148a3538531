"""One delivery into an object, and the way back to whoever waits for the answer."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from sourdough.http import Request, Response
    from sourdough.objects.calls.session import Session
    from sourdough.objects.chain import Chain
    from sourdough.objects.container import Container
    from sourdough.objects.owner import Owner

BeforeChunk = Callable[[], Awaitable[None] | None]
"""Awaited before each chunk of a streamed body: the output gate."""


class Reply(Protocol):
    """Where the answer goes: over a link, or to a caller in the same process."""

    def respond(self, response: Response) -> None:
        """Send a response whose body is complete."""

    async def stream(self, response: Response, before_chunk: BeforeChunk) -> None:
        """Send a response whose body is an iterator, chunk by chunk as the caller takes it."""

    def returned(self, value: bytes) -> None:
        """Send the encoded result of a method call."""

    def failed(self, error: BaseException) -> None:
        """Send the error that replaces the answer."""


class NoResponse:
    """What a `Reply` has for events that are answered by a value or not at all: an alarm, a socket's."""

    __slots__ = ()

    def respond(self, response: Response) -> None:
        raise AssertionError("an event without a request has no response")

    async def stream(self, response: Response, before_chunk: BeforeChunk) -> None:
        raise AssertionError("an event without a request has no response")


class Unanswered(NoResponse):
    """What a `Reply` is of an event that nobody waits for."""

    __slots__ = ()

    def returned(self, value: bytes) -> None:
        pass

    def failed(self, error: BaseException) -> None:
        pass


class CallReply(Reply, Protocol):
    """Where the answer of a call goes, and what it refers to."""

    def session(self, owner: Owner) -> Session:
        """Return the session of this call on the callee's side, made when it is first needed."""
        ...


class Event:
    """One event. `request` is set for HTTP, `method` and `arguments` for calls.

    chain: the calls that led here, where a critical section waits for one of them. cancelled: its
    caller was cancelled.
    """

    __slots__ = (
        "arguments", "cancelled", "chain", "container", "method", "number", "reply", "request",
        "started", "version",
    )  # fmt: skip

    # Of the rare kinds below; no event has them as its own.
    reads = False
    """Whether a property is read, and nothing called."""
    by_reference = False
    """Whether it is for something that the object has passed by reference, not for the object."""
    target: Any = None

    def __init__(
        self,
        reply: Reply,
        number: int,
        version: int,
        request: Request | None,
        method: str = "fetch",
        arguments: bytes = b"",
        started: float = 0.0,
    ) -> None:
        self.reply = reply
        self.number = number
        self.version = version
        self.request = request
        self.method = method
        self.arguments = arguments
        self.chain: Chain | None = None
        self.cancelled = False
        self.container: Container | None = None
        self.started = started

    @property
    def size(self) -> int:
        """How many bytes it keeps in memory while it waits; of a body, only what is whole."""
        return len(self.arguments) if self.request is None else self.request.buffered

    @property
    def what(self) -> str:
        """What is being done, in words for people."""
        return "fetch" if self.request is not None else f"{self.method}()"

    def cancel(self) -> None:
        """Its caller was cancelled: whoever works for it gets CancelledError where it waits."""
        if not self.cancelled:
            self.cancelled = True
            # Later: a task that is cancelled before its first step never takes one, not even to
            # say that it has ended.
            asyncio.get_running_loop().call_soon(self._cancel)

    def _cancel(self) -> None:
        container = self.container
        task = None if container is None else container.events.get(self)
        if task is not None:
            task.cancel()


class ReadEvent(Event):
    """A property of an object is read."""

    __slots__ = ()
    reads = True

    @property
    def what(self) -> str:
        return self.method


class ReferenceEvent(Event):
    """A call of something that was passed by reference; no method: of the thing itself."""

    __slots__ = ("reads", "target", "task")
    by_reference = True
    task: asyncio.Task[None]
    """What runs it, where it is no event of an object."""

    @property
    def what(self) -> str:
        if not self.method:
            return "a function it has lent"
        return self.method if self.reads else f"{self.method}()"

    def _cancel(self) -> None:
        if self.container is not None:
            super()._cancel()
        else:
            self.task.cancel()


current_event: ContextVar[Event | None] = ContextVar("sourdough_event", default=None)
"""The event that the running task works for; calls it makes carry its version and request id."""


def closed_from_outside(event: Event) -> bool:
    """Say what a GeneratorExit in the task of an event is: its end, or an error of the handler.

    What closes a task's coroutine, when the loop is gone, runs outside of the task's context; then
    there is nobody to tell.
    """
    return current_event.get() is not event
