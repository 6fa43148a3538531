"""How much each kind of record matters, in one table."""

from __future__ import annotations

from typing import Final

from sourdough.observe import records as r
from sourdough_cli.views.request_line import is_failure

LEVELS: Final = ("debug", "info", "warning", "error")

_LEVEL_OF_KIND: dict[type[r.Record], str] = {
    r.RequestServed: "info",  # an error when the server is at fault
    r.RequestsFolded: "info",
    r.HostCrashed: "error",
    r.HostRecovered: "info",
    r.GatewayCrashed: "error",
    r.ChildBackingOff: "warning",
    r.HostStuck: "error",
    r.ObjectQuarantined: "error",
    r.QuarantineLifted: "info",
    r.ReloadDone: "info",
    r.ReloadFailed: "error",
    r.ScheduledRan: "info",  # an error when it raised
    r.Migrated: "info",
    r.ServerStarted: "info",
    r.ServerStopping: "info",
    r.DrainWaiting: "warning",
    r.ServerStopped: "info",
    r.Output: "info",  # or what the code said
    r.Warned: "warning",
    r.Dropped: "warning",
}

# The first and the last words of a server are shown at every level.
_ALWAYS = (r.ServerStarted, r.ServerStopping, r.DrainWaiting, r.ServerStopped)


def level_of(record: r.AnyRecord) -> str:
    """Return one of LEVELS."""
    if isinstance(record, r.Output):
        return record.level if record.level in LEVELS else "info"
    if isinstance(record, r.RequestServed) and is_failure(record):
        return "error"
    if isinstance(record, r.ScheduledRan) and record.error is not None:
        return "error"
    return _LEVEL_OF_KIND[type(record)]


def is_shown(record: r.AnyRecord, least: str) -> bool:
    """Say whether a screen that shows `least` and above shows this record."""
    return isinstance(record, _ALWAYS) or LEVELS.index(level_of(record)) >= LEVELS.index(least)
