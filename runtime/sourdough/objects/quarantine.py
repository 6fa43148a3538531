"""Objects that ended their hosts too often: events for them are refused, their neighbours run on.

Who is among them is decided by the coordinator (`policy.quarantine`), which tells every host.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from sourdough.errors import QuarantinedError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sourdough.clock import Clock
    from sourdough.objects.event import Event
    from sourdough.wire.messages import QuarantinedObject


class Quarantine:
    """The quarantined objects, by key (storage name + id)."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._objects: dict[bytes, QuarantinedObject] = {}

    def __len__(self) -> int:
        return len(self._objects)

    def replace(self, objects: Iterable[QuarantinedObject]) -> None:
        """Take the coordinator's word on who is quarantined."""
        self._objects = {each.storage.encode() + each.id: each for each in objects}

    def refuses(self, key: bytes, event: Event) -> bool:
        """Refuse an event of a quarantined object; return whether it was one."""
        found = self._objects.get(key)
        if found is None:
            return False
        seconds = max(1, math.ceil(found.until - self._clock.now()))
        error = QuarantinedError(found.reason, retry_after=seconds)
        error.durable_object_id = found.id.hex()
        event.reply.failed(error)
        return True
