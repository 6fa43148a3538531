"""How a call leaves the object that makes it, and how its answer comes back.

It leaves after the commits made so far (semantics 4.2.2). The answer enters as an event does: not
while a critical section is open that the caller is outside of (semantics 4.1.1).
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Protocol, TypeVar

from sourdough.objects.event import current_event

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from sourdough.objects.container import Container
    from sourdough.objects.event import Event


T = TypeVar("T")


class Queue(Protocol):
    """What is sent in order: the calls of a stub, or those on the references of a session."""

    at_gate: asyncio.Future[None] | None
    """The newest that has not passed the gate; those made after it wait for it, although what they
    depend on may be durable already."""


def calling_object() -> Container | None:
    """Return the object whose code runs; None in the entrypoint and elsewhere."""
    event = current_event.get()
    return None if event is None else event.container


def pass_gate(queue: Queue) -> Awaitable[None] | None:
    """Return what waits for the commits that the calling object has made so far (output gate).

    In order: a later call must not find them durable and overtake (invariant D4). None where
    nothing has to be waited for.
    """
    container = calling_object()
    waiter = None if container is None else container.confirmed()
    before = queue.at_gate
    if waiter is None and before is None:
        return None
    return _wait(queue, before, waiter)


async def _wait(
    queue: Queue, before: asyncio.Future[None] | None, waiter: Awaitable[None] | None
) -> None:
    passed = queue.at_gate = asyncio.get_running_loop().create_future()
    try:
        if before is not None:
            await asyncio.wait([before])
        if waiter is not None:
            await waiter
    finally:
        passed.set_result(None)
        if queue.at_gate is passed:
            queue.at_gate = None


def is_held(caller: Event | None) -> bool:
    """Whether a critical section is open in the object that called."""
    container = None if caller is None else caller.container
    return container is not None and container.database.hold is not None


async def came_back(caller: Event | None, answer: T) -> T:
    """Return an answer when it may enter the object that called."""
    container = None if caller is None else caller.container
    if container is not None:
        await container.sections.admitted()
    return answer
