"""Whose things are passed by reference: an object, or a request that the entrypoint answers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from sourdough.objects.chain import deadlock
from sourdough.objects.refusal import gone_error

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Awaitable, Coroutine

    from sourdough.objects.calls.session import Session
    from sourdough.objects.container import Container
    from sourdough.objects.event import Event, ReferenceEvent

T = TypeVar("T")


class Kept(Protocol):
    """What keeps an owner in memory for a time."""

    def release(self) -> None:
        """Let go."""


class Owner(Protocol):
    """Runs what others call by reference.

    number, version: of the request for which its things are lent; calls on them inherit both.
    """

    number: int
    version: int

    @property
    def alive(self) -> bool:
        """Whether its things may still be used."""
        ...

    def deliver(self, event: ReferenceEvent) -> None:
        """Run a call of one of its things, as any event of it."""

    def spawn(self, coroutine: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        """Run something on its behalf, for as long as it lives."""
        ...

    def confirmed(self) -> Awaitable[None] | None:
        """Return None when everything it has written is durable, else something to wait for."""

    def keep(self, reason: str) -> Kept:
        """Keep it in memory: something of it is held elsewhere."""
        ...

    def attach(self, session: Session) -> None:
        """A session begins for it, which ends with it."""

    def ending(self) -> BaseException | None:
        """Return what is told of its end, None while it lives."""


class ObjectOwner:
    """An object as an owner; it keeps its place in memory for at most 15 minutes for that."""

    __slots__ = ("_container", "number", "version")

    def __init__(self, container: Container, event: Event) -> None:
        self._container = container
        self.number = event.number
        self.version = event.version

    @property
    def alive(self) -> bool:
        return self._container.phase.value in {"starting", "ready"}

    def deliver(self, event: ReferenceEvent) -> None:
        event.container = self._container
        found = deadlock(event, self._container)
        if found is not None:
            event.reply.failed(found)
        else:
            self._container.deliver(event)

    def spawn(self, coroutine: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        return self._container.work.spawn(coroutine)

    def confirmed(self) -> Awaitable[None] | None:
        return self._container.confirmed()

    def keep(self, reason: str) -> Kept:
        return self._container.keep(reason)

    def attach(self, session: Session) -> None:
        self._container.work.attach(session)

    def ending(self) -> BaseException | None:
        return None if self.alive else gone_error()
