"""What a run of the suite found; its JSON form is these fields by their names."""

from __future__ import annotations

import statistics
from dataclasses import dataclass, field


@dataclass(kw_only=True)
class Measured:
    """One contender under one case: a value for each round, in turn with the others."""

    per_second: list[float] = field(default_factory=list)
    p50_ms: list[float] = field(default_factory=list)
    p99_ms: list[float] = field(default_factory=list)
    cpu_us: list[dict[str, float]] = field(default_factory=list)
    """Processor time for each request, by what a process does."""
    refused: str | None = None
    """Why none of it counts."""

    @property
    def rate(self) -> float:
        return statistics.median(self.per_second)

    @property
    def p50(self) -> float:
        return statistics.median(self.p50_ms)

    @property
    def p99(self) -> float:
        return statistics.median(self.p99_ms)

    def cpu(self, role: str) -> float | None:
        """Return the microseconds that a role uses for each request."""
        found = [each[role] for each in self.cpu_us if role in each]
        return statistics.median(found) if found else None

    @property
    def counts(self) -> bool:
        return self.refused is None and bool(self.per_second)


@dataclass(kw_only=True)
class CaseResult:
    """All contenders under one case."""

    operation: str
    name: str
    connections: int
    objects: int
    writes: bool
    by: dict[str, Measured]

    def ratios(self, who: str, to: str) -> list[float]:
        """Return the ratio of each round, empty where one of the two does not count."""
        if not (who in self.by and to in self.by and self.by[who].counts and self.by[to].counts):
            return []
        pairs = zip(self.by[who].per_second, self.by[to].per_second, strict=False)
        return [one / other for one, other in pairs]

    def ratio(self, who: str, to: str) -> float | None:
        """Return the median of the ratios of the rounds."""
        found = self.ratios(who, to)
        return statistics.median(found) if found else None


@dataclass(kw_only=True)
class Footprint:
    """What objects with a database cost that nobody calls, and to call the first time."""

    objects: int
    first_call_ms: float
    """Median of calls that find their object asleep, with its file on disk."""
    next_call_ms: float
    live_kib: float
    sleeping_kib: float

    @property
    def activation_ms(self) -> float:
        return self.first_call_ms - self.next_call_ms


@dataclass(kw_only=True)
class Starts:
    """Milliseconds from starting a server to the first good answer of an object."""

    clean: list[float]
    after_kill: list[float]
    """The whole server was killed with SIGKILL before, under load."""


@dataclass(kw_only=True)
class SocketResult:
    """One contender under one load of WebSockets: medians of the rounds."""

    case: str
    who: str
    durability: str
    per_second: float | None
    """Messages; None of a broadcast, which is timed until the last socket has it."""
    p50_ms: float
    p99_ms: float
    """Of a broadcast the slowest."""
    cpu_us: dict[str, float]
    """Processor time for each message to or from a client, by what a process does."""


@dataclass(kw_only=True)
class IdleSockets:
    """What WebSockets cost whose objects sleep, and to wake one of those."""

    case: str
    who: str
    kib: float
    where: str
    awake: str
    """How many objects are in memory; ? where nobody tells."""
    woken_ms: float
    slowest_ms: float


@dataclass(kw_only=True)
class Results:
    """Everything one run found."""

    machine: dict[str, object]
    method: str
    contenders: list[dict[str, object]] = field(default_factory=list)
    cases: list[CaseResult] = field(default_factory=list)
    footprints: dict[str, Footprint] = field(default_factory=dict)
    starts: dict[str, Starts] = field(default_factory=dict)
    host_killed_ms: dict[str, list[float]] = field(default_factory=dict)
    """From SIGKILL of one of two hosts to the first answer of an object of it."""
    scaling: dict[str, list[float]] = field(default_factory=dict)
    """A handler that computes: answers per second of each round, by who serves."""
    sockets: list[SocketResult] = field(default_factory=list)
    idle_sockets: list[IdleSockets] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    """What was not measured or refused, and why."""
    seconds: float = 0.0

    def case(self, operation: str, connections: int, objects: int) -> CaseResult | None:
        """Return the result of one case, None where it was not measured."""
        wanted = (operation, connections, objects)
        for each in self.cases:
            if (each.operation, each.connections, each.objects) == wanted:
                return each
        return None
