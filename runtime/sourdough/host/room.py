"""How much room a host has: for objects that live, for descriptors, for what waits."""

from __future__ import annotations

import resource
from typing import TYPE_CHECKING

from sourdough.objects.backlog import QueueLimits
from sourdough.objects.eviction import Residency

if TYPE_CHECKING:
    from sourdough.config.limits import Limits

# A live object holds its database, its WAL, and where it was created here two more.
_DESCRIPTORS_PER_OBJECT = 4
# Links, listening sockets, what user code opens.
_RESERVED_DESCRIPTORS = 512


def open_limit(descriptors: int | None = None) -> int:
    """Return how many databases may be open, so that descriptors never run out (invariant P10).

    descriptors: how many are there for them, where the process is not the host's alone.
    """
    allowed = descriptors or resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    return max(1, (allowed - _RESERVED_DESCRIPTORS) // _DESCRIPTORS_PER_OBJECT)


def resident_limit(configured: int, descriptors: int | None = None) -> int:
    """Return how many objects may live here: what is evicted is open until it has closed."""
    return max(1, min(configured, open_limit(descriptors) * 7 // 8))


def residency(limits: Limits, descriptors: int | None = None, *, dozing: bool = False) -> Residency:
    """Return how many objects live in a host, and for how long.

    dozing: whether databases that are not in use are closed, so that descriptors do not bound how
    many objects live (`storage/awake.py`).
    """
    configured = limits.resident_objects
    return Residency(
        resident_limit=configured if dozing else resident_limit(configured, descriptors),
        open_limit=None if dozing else open_limit(descriptors),
        memory_limit=limits.host_memory_bytes,
        hibernate_after=limits.hibernate_after,
        evict_after=limits.evict_after,
    )


def queue_limits(limits: Limits) -> QueueLimits:
    """Return how much may wait in front of the objects of a host."""
    return QueueLimits(
        events=limits.object_queue,
        size=limits.object_queue_bytes,
        host_size=limits.host_queue_bytes,
        seconds=limits.queue_timeout,
    )
