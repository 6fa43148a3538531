"""What a drain waits for: the longest of all that runs in a host."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sourdough.host.entrypoint import Entrypoint
    from sourdough.objects.registry import Registry
    from sourdough.wire.messages import Waiting


def longest_of(registry: Registry, entrypoint: Entrypoint | None) -> Waiting | None:
    """Return the event that began first, or background work where no event runs."""
    longest = min(registry.running(), key=lambda event: event.started, default=None)
    if longest is not None and longest.container is not None:
        return longest.container.waiting(longest)
    if entrypoint is not None and entrypoint.busy:
        return entrypoint.waiting()
    busy = next((container for container in registry if container.busy), None)
    return None if busy is None else busy.waiting_in_background()
