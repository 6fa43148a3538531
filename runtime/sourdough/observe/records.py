"""What is worth a line: a closed set of events that every view renders in its own way.

`serve` without a terminal writes each as one JSON object whose `event` is the tag; the terminal
views turn them into text. Adding a kind of line means adding a class here.
"""

from __future__ import annotations

import msgspec


class Record(msgspec.Struct, frozen=True, kw_only=True, tag_field="event"):
    """Something that happened, at `ts` (Unix seconds)."""

    ts: float


class RequestServed(Record, frozen=True, kw_only=True, tag="request"):
    """One HTTP request was answered."""

    method: str
    path: str
    status: int
    ms: float
    request_id: str
    class_name: str | None = None
    object: str | None = None
    """The object's name, or the first digits of its id; None for the entrypoint."""
    note: str | None = None
    """Why it failed, in words: "in flight at the crash; was not repeated"."""
    error: str | None = None
    """"ValueError: negative step" where the handler raised."""
    error_at: str | None = None
    """"counter.py:31 in increment"."""


class RequestsFolded(Record, frozen=True, kw_only=True, tag="requests"):
    """Many requests in one second, counted instead of listed."""

    total: int
    ok: int
    failed: int
    p50: float | None = None
    p99: float | None = None


class HostCrashed(Record, frozen=True, kw_only=True, tag="host.crashed"):
    """A host process ended unasked."""

    host: int
    pid: int
    reason: str
    restart: int
    running: str | None = None
    """The object that was running, where it is known: "Counter:a"."""


class HostRecovered(Record, frozen=True, kw_only=True, tag="host.recovered"):
    """The seat of a crashed host answers again, `ms` after the crash was seen."""

    host: int
    pid: int
    ms: float


class GatewayCrashed(Record, frozen=True, kw_only=True, tag="gateway.crashed"):
    """A gateway process ended unasked; its connections are lost."""

    gateway: int
    pid: int
    reason: str
    restart: int


class ChildBackingOff(Record, frozen=True, kw_only=True, tag="child.backoff"):
    """A child ends too often; the next one is started after a pause."""

    child: str
    """"host 2" or "gateway 1"."""
    seconds: float
    restarts: int
    standby: bool = False
    """The standby has taken the host's place already; what waits is the next standby."""


class HostStuck(Record, frozen=True, kw_only=True, tag="host.stuck"):
    """A host does not answer, or does not give up its seat in time; the host is killed."""

    host: int
    pid: int
    seconds: float
    running: str | None = None


class ObjectQuarantined(Record, frozen=True, kw_only=True, tag="quarantine.begun"):
    """Hosts ended again and again while they ran this object: nothing reaches it for a while."""

    object: str
    seconds: float
    reason: str
    """How the last host ended: "exit code 1", "it did not answer"."""


class QuarantineLifted(Record, frozen=True, kw_only=True, tag="quarantine.lifted"):
    """A quarantine has ended: the object is tried again."""

    object: str
    reason: str


class ReloadDone(Record, frozen=True, kw_only=True, tag="reload.done"):
    """Changed code is loaded and serves."""

    files: tuple[str, ...]
    ms: float
    objects: int


class ReloadFailed(Record, frozen=True, kw_only=True, tag="reload.failed"):
    """Changed code does not load; the previous code keeps serving."""

    files: tuple[str, ...]
    error: str
    """"SyntaxError: '(' was never closed"."""
    serving: bool
    """False before anything was loaded: there is no previous code."""
    place: str | None = None
    """"counter.py:17"."""
    source: str | None = None
    """The line of source at `place`."""
    traceback: str | None = None


class ScheduledRan(Record, frozen=True, kw_only=True, tag="scheduled"):
    """A run of the entrypoint's `scheduled` has ended."""

    cron: str
    scheduled: float
    """When it was due (Unix seconds)."""
    ms: float
    error: str | None = None
    """"ValueError: no (app.py:31 in scheduled)" where it raised."""


class Migrated(Record, frozen=True, kw_only=True, tag="migrated"):
    """A class was renamed or deleted, as the configuration asked for."""

    text: str


class ServerStarted(Record, frozen=True, kw_only=True, tag="server.started"):
    """All seats are taken and the port accepts."""

    url: str
    pid: int
    hosts: int
    storage: str
    durability: str
    ms: float


class ServerStopping(Record, frozen=True, kw_only=True, tag="server.stopping"):
    """Draining began."""

    events: int
    objects: int


class DrainWaiting(Record, frozen=True, kw_only=True, tag="server.waiting"):
    """The drain waits for something that takes long; sent at most once a second."""

    object: str
    what: str
    """"fetch", "increment()"."""
    seconds: float
    place: str | None = None


class ServerStopped(Record, frozen=True, kw_only=True, tag="server.stopped"):
    """Everything has ended. `clean`: everything acknowledged is on disk, nothing was cut short."""

    seconds: float
    clean: bool


class Output(Record, frozen=True, kw_only=True, tag="stdout"):
    """A line that user code printed or logged."""

    level: str
    """"debug", "info", "warning" or "error"."""
    text: str
    host: int | None = None
    class_name: str | None = None
    object: str | None = None
    request_id: str | None = None
    logger: str | None = None


class Warned(Record, frozen=True, kw_only=True, tag="warning"):
    """Something a person should know; `hint` says what to do."""

    text: str
    hint: str | None = None


class Dropped(Record, frozen=True, kw_only=True, tag="dropped"):
    """Lines that nobody could take in time (invariant P7)."""

    count: int


AnyRecord = (
    RequestServed
    | RequestsFolded
    | HostCrashed
    | HostRecovered
    | GatewayCrashed
    | ChildBackingOff
    | HostStuck
    | ObjectQuarantined
    | QuarantineLifted
    | ReloadDone
    | ReloadFailed
    | ScheduledRan
    | Migrated
    | ServerStarted
    | ServerStopping
    | DrainWaiting
    | ServerStopped
    | Output
    | Warned
    | Dropped
)
