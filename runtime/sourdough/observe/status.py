"""One snapshot of a running server: it serves the live table, `status --json` and the tests.

Times are Unix seconds, durations seconds, latencies milliseconds, sizes bytes. The JSON form of
`Snapshot` is documented in docs/cli.md and stable.
"""

from __future__ import annotations

from enum import StrEnum

import msgspec


class State(StrEnum):
    """What a child process is doing; the word people see."""

    STARTING = "starting"  # spawned, importing the user's modules
    READY = "ready"  # imported, holds no seat (a standby)
    SERVING = "serving"
    DRAINING = "draining"  # finishing what it has, takes nothing new
    BACKOFF = "backing off"  # ended; will be started again after a pause
    FAILED = "failed"  # cannot start; waits for a change of the code
    STOPPED = "stopped"


class ProcessStatus(msgspec.Struct, frozen=True, kw_only=True):
    """One child process as the coordinator sees it."""

    index: int
    pid: int | None
    state: State
    since: float
    """When the process was started (Unix seconds)."""
    restarts: int = 0
    last_exit: str | None = None
    """Why the previous occupant ended: "SIGKILL (out of memory?)", "exit code 1"."""
    memory: int = 0
    cpu: float = 0.0
    """Share of one core over the last seconds, 0.0 to 1.0 and more."""
    requests_per_second: float = 0.0
    p50: float | None = None
    p99: float | None = None


class HostStatus(ProcessStatus, frozen=True, kw_only=True):
    """A host process; `index` is its seat, 0 for the standby."""

    objects: int = 0
    events: int = 0
    """Events in flight."""
    epoch: int = 0
    loop_lag: float = 0.0
    """How late the last tick of its event loop was, in milliseconds."""
    traceback: str | None = None
    """The last traceback of a host that cannot load the user's code."""


class GatewayStatus(ProcessStatus, frozen=True, kw_only=True):
    """A gateway process."""

    connections: int = 0
    sockets: int = 0
    """WebSockets that are open."""
    parked: int = 0
    """Requests that wait for a seat to be taken."""


class QuarantinedStatus(msgspec.Struct, frozen=True, kw_only=True):
    """An object that ended its hosts too often; its events are refused."""

    object: str
    """As people know it: "Counter:a"."""
    storage_name: str
    id: str
    """64 hex digits."""
    until: float
    """When it is tried again (Unix seconds)."""
    reason: str


class CronStatus(msgspec.Struct, frozen=True, kw_only=True):
    """One of `triggers.crons`."""

    cron: str
    next: float | None
    """When it is due next (Unix seconds); None where it never is."""
    last: float | None = None
    """When its last run since the server's start was due."""
    error: str | None = None
    """What that run raised."""
    running: int = 0
    """Runs that have not ended."""


class CoordinatorStatus(msgspec.Struct, frozen=True, kw_only=True):
    """The coordinator itself."""

    pid: int
    since: float
    mode: str
    """"dev", "serve", or "library": a program has started it."""
    draining: bool = False
    clients: tuple[int, ...] = ()
    """The pids of programs that are attached."""


class Snapshot(msgspec.Struct, frozen=True, kw_only=True):
    """Everything `sourdough status` shows."""

    version: str
    name: str
    url: str
    storage: str
    durability: str
    sync_seconds: float | None
    """What one sync of this disk takes, measured at the start; None where nothing is synced."""
    coordinator: CoordinatorStatus
    gateways: tuple[GatewayStatus, ...]
    hosts: tuple[HostStatus, ...]
    standby: HostStatus | None
    table_version: int
    objects_known: int
    quarantined: tuple[QuarantinedStatus, ...] = ()
    crons: tuple[CronStatus, ...] = ()
