"""One colour per meaning. A word always says what the colour says, so nothing depends on it."""

from __future__ import annotations

from sourdough.observe.status import State

GOOD = "green"  # serving
WAITING = "yellow"  # starting, draining, backing off; warnings
BROKEN = "red"
DETAIL = "dim"
PLAIN = ""

STATE_STYLES = {
    State.STARTING: WAITING,
    State.READY: PLAIN,
    State.SERVING: GOOD,
    State.DRAINING: WAITING,
    State.BACKOFF: WAITING,
    State.FAILED: BROKEN,
    State.STOPPED: DETAIL,
}
