"""What objects cost that nobody calls, and the first call of one that sleeps.

The objects are made by one server and woken by the next, so that its heap holds nothing else.
"""

from __future__ import annotations

import statistics
import time
from typing import TYPE_CHECKING

from processes import resident_bytes
from results import Footprint
from touch import touch

if TYPE_CHECKING:
    from pathlib import Path

    from contenders import Contender

# Both Sourdough and workerd put an object to sleep that was not called for ten seconds. What was
# woken has to be counted before.
_AWAKE_SECONDS = 8.0
_ASLEEP_SECONDS = 14.0
_SETTLED_SECONDS = 0.5
_WARM_CALLS = 500
_TIMED_AGAIN = 200


def measure(contender: Contender, folder: Path, objects: int) -> Footprint:
    """Make `objects`, wake them in a new server, and see what is left when they sleep again."""
    with contender.start(folder) as serving:
        touch(serving.port, "/counter/o%d", objects, connections=8)
    with contender.start(folder) as serving:
        pid = serving.process.pid
        # One object, so that none of what falls asleep later was awake before.
        touch(serving.port, "/rows/warm?%d", _WARM_CALLS, connections=8)
        before = resident_bytes(pid)
        first = touch(serving.port, "/counter/o%d", objects)
        again = touch(serving.port, "/counter/o%d", min(objects, _TIMED_AGAIN))
        time.sleep(_SETTLED_SECONDS)
        live = resident_bytes(pid)
        time.sleep(_ASLEEP_SECONDS)
        asleep = resident_bytes(pid)
    if first.seconds > _AWAKE_SECONDS:
        message = f"{objects} objects took {first.seconds:.0f} s to wake: the first sleep again"
        raise TimeoutError(message)
    return Footprint(
        objects=objects,
        first_call_ms=statistics.median(first.milliseconds),
        next_call_ms=statistics.median(again.milliseconds),
        live_kib=(live - before) / objects / 1024,
        sleeping_kib=(asleep - before) / objects / 1024,
    )
