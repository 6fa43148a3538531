"""One object as `sourdough inspect` shows it: what its file holds, and where it lives.

The JSON form of `Inspection` is documented in docs/cli.md and stable.
"""

from __future__ import annotations

from enum import StrEnum

import msgspec

from sourdough.observe.sockets import SocketsReport  # noqa: TC001 (msgspec reads it)
from sourdough.observe.status import QuarantinedStatus  # noqa: TC001 (msgspec reads it)
from sourdough.storage.inspection import ObjectReport  # noqa: TC001 (msgspec reads it)
from sourdough.wire.messages import Answered  # noqa: TC001 (msgspec reads it)


class Life(StrEnum):
    """Whether there is an instance; the word people see."""

    LIVE = "live"
    ASLEEP = "asleep"  # nothing in memory; the next event builds an instance
    NOT_RUNNING = "not running"  # no server; read from disk


class Inspection(msgspec.Struct, frozen=True, kw_only=True):
    """Everything `sourdough inspect` shows."""

    binding: str | None
    """None for a namespace that the configuration no longer binds."""
    class_name: str
    storage_name: str
    id: str
    """64 hex digits."""
    name: str | None
    slot: int
    life: Life
    seat: int | None = None
    """The seat that owns the slot; None while no server runs."""
    host_pid: int | None = None
    """The process in that seat; None while it is being replaced."""
    report: ObjectReport | None
    """What the object's file holds; None for a live object that has written nothing yet."""
    sockets: SocketsReport | None = None
    """Its hibernating WebSockets; None while no server runs."""
    quarantine: QuarantinedStatus | None = None
    """Why and until when nothing reaches the object; None for one that can be reached."""


class Ran(msgspec.Struct, frozen=True, kw_only=True):
    """What an object answered to `sourdough call` or `sourdough fetch`."""

    storage_name: str
    id: str
    name: str | None
    answer: Answered


class Removed(msgspec.Struct, frozen=True, kw_only=True):
    """What `sourdough rm` has deleted."""

    storage_name: str
    id: str
    name: str | None
    size: int
    """Bytes that were freed."""


class RemovedClass(msgspec.Struct, frozen=True, kw_only=True):
    """What `sourdough rm --class` has deleted, or would."""

    class_name: str
    storage_name: str
    binding: str | None
    """None for a class that is not bound."""
    objects: int
    size: int
    """Bytes that were freed, or would be at least."""
    done: bool
    """Whether they were deleted, and not only counted."""
    next: str | None = None
    """The `after` of the request that goes on; None when all were deleted."""


class Triggered(msgspec.Struct, frozen=True, kw_only=True):
    """What came of `sourdough trigger`."""

    cron: str
    scheduled: float
    """The time that `scheduled` was told (Unix seconds)."""
    ms: float
    error: str | None = None
    """What it raised; None when it ended well."""
