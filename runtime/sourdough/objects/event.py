"""One delivery into an object, and the way back to whoever waits for the answer."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from sourdough.http import Request, Response
    from sourdough.objects.container import Container

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


class Event:
    """One event. `request` is set for HTTP, `method` and `arguments` for calls."""

    __slots__ = (
        "arguments", "container", "method", "number", "reply", "request", "started", "version",
    )  # fmt: skip

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
        self.container: Container | None = None
        self.started = started

    @property
    def what(self) -> str:
        """What is being done, in words for people."""
        return "fetch" if self.request is not None else f"{self.method}()"


current_event: ContextVar[Event | None] = ContextVar("sourdough_event", default=None)
"""The event that the running task works for; calls it makes carry its version and request id."""
