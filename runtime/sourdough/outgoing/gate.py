"""The output gate of the object that sends a request (semantics 4.2.2).

What an object tells the world must not be undone by a crash: nothing leaves before the commits that
it has made so far are durable.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sourdough.objects.event import current_event

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from sourdough.objects.container import Container


def calling_object() -> Container | None:
    """Return the object whose code runs, None for the entrypoint and outside of a host."""
    event = current_event.get()
    return None if event is None else event.container


async def pass_gate(container: Container | None) -> None:
    """Wait for the commits that an object has made so far. Raises when it is dead."""
    waiter = None if container is None else container.confirmed()
    if waiter is not None:
        await waiter


async def gated(body: AsyncIterator[bytes], container: Container | None) -> AsyncIterator[bytes]:
    """Yield the pieces of a body, each when it may leave."""
    try:
        async for chunk in body:
            await pass_gate(container)
            yield chunk
    finally:
        # A generator of the user ends now, not when it is collected.
        close = getattr(body, "aclose", None)
        if close is not None:
            await close()
