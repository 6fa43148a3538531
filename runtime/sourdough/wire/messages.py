"""What the coordinator and its children say to each other on their control channel.

Each message is a tagged Struct (`wire.envelope`). The coordinator tells, children report; `Ask` and
`Answer` are the only pair that belongs together.
"""

from __future__ import annotations

from enum import StrEnum

import msgspec


class Message(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Root of the control messages."""


# --- coordinator -> child


class Setup(Message, frozen=True, kw_only=True):
    """The first message to a child: everything it needs to know of the application."""

    config: bytes
    """msgpack of `config.model.Config`."""
    root: str
    storage: str
    application: str
    """The name that ids are derived from: the recorded one, not always the configured one."""
    storage_names: dict[str, str]
    """Class name -> storage name (invariant S14)."""
    mode: str
    """"dev", "serve" or "library": in dev, error answers carry the traceback."""
    serial: int
    index: int
    """Gateway number; 0 for hosts, whose seat comes with Assign."""
    memory: bool = False
    ahead: float | None = None
    """How many seconds the clock is ahead, in test mode; None: it is the machine's."""
    ledger: str | None = None
    """The file in which a gateway notes its hibernating WebSockets, for the next one of its index
    (invariant W4). None: it has no successor, because its end is the end of everything."""


class SeatEntry(msgspec.Struct, frozen=True, array_like=True):
    """Who occupies a seat: a host process, known by its serial number and its socket's path."""

    seat: int
    epoch: int
    serial: int
    path: str


class Leaving(msgspec.Struct, frozen=True, array_like=True):
    """Who was asked for a seat back and still finishes what began before table `version` (D6)."""

    seat: int
    epoch: int
    serial: int
    path: str
    version: int


class Table(Message, frozen=True, kw_only=True):
    """Which seats are taken by whom; seats that are not in `entries` are vacant (invariant P2)."""

    version: int
    seats: int
    entries: tuple[SeatEntry, ...]
    leaving: tuple[Leaving, ...] = ()


class Assign(Message, frozen=True, kw_only=True):
    """Take this seat under this epoch."""

    seat: int
    epoch: int


class Release(Message, frozen=True, kw_only=True):
    """Give the seat up: refuse events stamped with `version` or later, finish the others within
    `deadline` seconds, close every database, then say Released. new_code: the next occupant runs
    other code."""

    version: int
    deadline: float
    new_code: bool = False


class QuarantinedObject(msgspec.Struct, frozen=True, array_like=True):
    """An object that no event may reach, until a moment (Unix seconds), and why."""

    storage: str
    id: bytes
    until: float
    reason: str


class Quarantine(Message, frozen=True, kw_only=True):
    """All objects that are quarantined now; sent before a host gets its seat, and at each change."""

    objects: tuple[QuarantinedObject, ...]


class Gateways(Message, frozen=True, kw_only=True):
    """The gateways that live, by serial number; to hosts, before they get a seat and at each change.

    A host's objects wait until each of them has told which WebSockets are theirs (invariant W4).
    """

    serials: tuple[int, ...]


class EndStreams(Message, frozen=True, kw_only=True):
    """End every `text/event-stream` properly: it would never end by itself (invariant D3)."""


class HostGone(Message, frozen=True, kw_only=True):
    """The kernel says that this host process has ended (invariant P3): drop the link to it."""

    serial: int


class Drain(Message, frozen=True, kw_only=True):
    """A gateway: stop accepting, finish what is in flight within `deadline` seconds, say Drained.

    A host: serve on, and say what takes long.
    """

    deadline: float


class Exit(Message, frozen=True, kw_only=True):
    """End now; what is acknowledged is durable already."""


class Ask(Message, frozen=True, kw_only=True):
    """A question about an object: "inspect", "remove", "name"."""

    number: int
    what: str
    namespace: str
    id: bytes
    limit: int = 100


class Errand(Message, frozen=True, kw_only=True):
    """Call a method of an object, or send it a request, for a person; `Answer` with `Answered`."""

    number: int
    namespace: str
    id: bytes
    name: str | None
    method: str
    """Of the object; of the request, where there is a `target`."""
    body: bytes = b""
    """The arguments, as `values.encode` gives them; or the request's body."""
    target: str | None = None
    """URL or path of a request; None for a call."""
    headers: tuple[tuple[str, str], ...] = ()
    seconds: float = 30.0


class RunAlarm(Message, frozen=True, kw_only=True):
    """An alarm is due: run it, say AlarmEnded. `give_up`: forget it instead (semantics 6.7)."""

    storage: str
    id: bytes
    name: str | None
    due: int
    """Milliseconds since the Unix epoch, as everywhere in messages about alarms."""
    retries: int = 0
    give_up: bool = False


class RunScheduled(Message, frozen=True, kw_only=True):
    """A cron is due: run the entrypoint's `scheduled`, say ScheduledEnded."""

    number: int
    cron: str
    due: int
    """Milliseconds since the Unix epoch."""


class AlarmsKept(Message, frozen=True, kw_only=True):
    """These AlarmSet are in the index, durably: the commits that wait for it may go on (S11)."""

    numbers: tuple[int, ...]


class MoveClock(Message, frozen=True, kw_only=True):
    """In test mode: be so many seconds ahead, call what became due, say ClockMoved."""

    ahead: float


# --- child -> coordinator


class Ready(Message, frozen=True, kw_only=True):
    """The user's modules are imported, the socket accepts."""

    pid: int
    door: int = 0
    """The number of the gateway in a program with the library; 0: it takes no clients. The program
    chose it: what it numbered with it outlives coordinators."""


class LoadFailed(Message, frozen=True, kw_only=True):
    """The user's code cannot be loaded: final for this process."""

    error: str
    place: str | None = None
    source: str | None = None
    hint: str | None = None
    traceback: str | None = None


class Assigned(Message, frozen=True, kw_only=True):
    """The seat is taken."""

    seat: int
    epoch: int


class Released(Message, frozen=True, kw_only=True):
    """Every database is closed and every instance marked dead (invariant P2)."""

    clean: bool
    objects: int


class Drained(Message, frozen=True, kw_only=True):
    """A gateway has nothing left to do."""

    clean: bool


class Waiting(Message, frozen=True, kw_only=True):
    """A drain waits for this event, the longest that runs."""

    object: str
    what: str
    seconds: float
    place: str | None = None


class Heartbeat(Message, frozen=True, kw_only=True):
    """A child's state, once a second. Counters only rise; `latency` holds the counts of
    `observe.histogram` buckets since the start."""

    lag: float
    objects: int = 0
    events: int = 0
    connections: int = 0
    sockets: int = 0
    """WebSockets that are open at a gateway."""
    parked: int = 0
    requests: int = 0
    memory: int = 0
    """Resident bytes."""
    cpu: float = 0.0
    """Processor seconds used so far."""
    latency: tuple[int, ...] = ()


class Known(Message, frozen=True, kw_only=True):
    """Objects that now have a database: (storage name, id, name, created)."""

    objects: tuple[tuple[str, bytes, str | None, float], ...]


class Forgotten(Message, frozen=True, kw_only=True):
    """Objects whose database is gone: (storage name, id)."""

    objects: tuple[tuple[str, bytes], ...]


class Lines(Message, frozen=True, kw_only=True):
    """Records for the log, each as msgpack of `observe.records`; `dropped` did not fit."""

    records: tuple[bytes, ...]
    dropped: int = 0


class SyncFailed(Message, frozen=True, kw_only=True):
    """A sync failed; this host ends now (invariant S2). full: only for want of room, as it seems."""

    error: str
    full: bool = False


class AlarmSet(Message, frozen=True, kw_only=True):
    """An object's alarm is another, or none. With a number, AlarmsKept is waited for: the time is
    earlier than what the index holds, and not committed yet (semantics 4.4.3). found: it may also
    be an old one, so what the index holds stays where that is sooner (invariant S11)."""

    storage: str
    id: bytes
    name: str | None
    due: int | None
    number: int = 0
    found: bool = False


class AlarmOutcome(StrEnum):
    """What became of a RunAlarm."""

    DONE = "done"  # it ran well, or there was nothing to run
    FAILED = "failed"  # the object's code failed
    BROKEN = "broken"  # something else did: no run of those that are counted
    ABANDONED = "abandoned"  # it failed and wants no retry
    MOVED = "moved"  # the host has lost the slot, before or during the run


class AlarmEnded(Message, frozen=True, kw_only=True):
    """A RunAlarm has ended. AlarmSet says before what is stored now, where that has changed."""

    storage: str
    id: bytes
    due: int
    outcome: AlarmOutcome


class ClockMoved(Message, frozen=True, kw_only=True):
    """The clock is ahead as MoveClock said."""

    ahead: float


class ScheduledEnded(Message, frozen=True, kw_only=True):
    """A RunScheduled has ended, well or with an error of the user's code."""

    number: int
    ms: float = 0.0
    error: str | None = None


class Answer(Message, frozen=True, kw_only=True):
    """The answer to Ask: msgpack of a Struct that belongs to the question, or an error.

    moved: the host does not hold the object's slot, or no more; ask who does.
    """

    number: int
    result: bytes | None = None
    error: str | None = None
    moved: bool = False


class Answered(msgspec.Struct, frozen=True, kw_only=True):
    """What became of an Errand."""

    body: bytes = b""
    """The result, as `values.encode` gives it; or the body of the answer."""
    status: int = 0
    headers: tuple[tuple[str, str], ...] = ()
    cut: bool = False
    """Whether there was more than is here."""
    error: str | None = None
    """"ValueError: negative step", what it raised instead."""


class Named(msgspec.Struct, frozen=True, kw_only=True):
    """The answer to "name": what the catalogue wants to know of an object."""

    name: str | None = None
    alarm: int | None = None


ToChild = (
    Setup | EndStreams | Table | Assign | Release | HostGone | Drain | Exit | Ask | Errand | RunAlarm
    | AlarmsKept | MoveClock | Quarantine | RunScheduled | Gateways
)  # fmt: skip
FromChild = (
    Ready | LoadFailed | Assigned | Released | Drained | Waiting | Heartbeat | Known | Forgotten
    | Lines | SyncFailed | Answer | AlarmSet | AlarmEnded | ClockMoved
    | ScheduledEnded
)  # fmt: skip
