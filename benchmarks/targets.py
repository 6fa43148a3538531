"""What Sourdough wants to reach, and by how much a run did or did not."""

from __future__ import annotations

import statistics
from dataclasses import dataclass
from typing import TYPE_CHECKING

from contenders import JOURNAL, UVICORN, WORKERD

if TYPE_CHECKING:
    from results import Results

# Restate 1.x with its Python SDK, virtual objects; seen on two shared cores in a run of its own.
RESTATE_PER_SECOND = 1_700


@dataclass(frozen=True, kw_only=True)
class Target:
    """One of them, with what was seen."""

    name: str
    wanted: float
    unit: str
    seen: float | None
    at_most: bool = False

    @property
    def met(self) -> bool | None:
        if self.seen is None:
            return None
        return self.seen <= self.wanted if self.at_most else self.seen >= self.wanted

    @property
    def verdict(self) -> str:
        if self.seen is None:
            return "not measured"
        if self.met:
            return "met"
        missed = self.seen / self.wanted - 1 if self.at_most else 1 - self.seen / self.wanted
        return f"missed by {missed:.0%}"


def targets(results: Results) -> list[Target]:
    """Compare a run with every target."""
    return [*_throughput(results), *_memory(results), *_waiting(results)]


def _throughput(results: Results) -> list[Target]:
    def ratio(operation: str, connections: int, objects: int, to: str) -> float | None:
        found = results.case(operation, connections, objects)
        return found and found.ratio(JOURNAL, to)

    increment = results.case("counter", 32, 100)
    durable = increment.by.get(JOURNAL) if increment else None
    single = results.case("counter", 1, 100)
    theirs = single.by.get(WORKERD) if single else None
    wanted_p50 = theirs.p50 if theirs and theirs.counts else 0.68
    ours = single.by.get(JOURNAL) if single else None
    restate = durable.rate / RESTATE_PER_SECOND if durable and durable.counts else None
    return [
        Target(
            name="no-op call, 32 connections: to bare uvicorn", wanted=1.6, unit="x",
            seen=ratio("noop", 32, 100, UVICORN),
        ),
        Target(
            name="no-op call, 32 connections: to workerd", wanted=7, unit="x",
            seen=ratio("noop", 32, 100, WORKERD),
        ),
        Target(
            name="durable increment, 32 connections, 100 objects: to workerd", wanted=10,
            unit="x", seen=ratio("counter", 32, 100, WORKERD),
        ),
        Target(
            name=f"the same: to Restate's {RESTATE_PER_SECOND:,}/s, seen in another run",
            wanted=12, unit="x", seen=restate,
        ),
        Target(
            name="durable increment, 1 connection: p50 below workerd's", wanted=wanted_p50,
            unit="ms", seen=ours.p50 if ours and ours.counts else None, at_most=True,
        ),
        Target(
            name="durable increment of one object, 32 connections: to workerd", wanted=8,
            unit="x", seen=ratio("counter", 32, 1, WORKERD),
        ),
    ]  # fmt: skip


def _memory(results: Results) -> list[Target]:
    found = results.footprints.get(JOURNAL)
    return [
        Target(
            name="waking an object, beyond a call of one that is awake", wanted=1.0, unit="ms",
            seen=found and found.activation_ms, at_most=True,
        ),
        Target(
            name="memory of a live object with a database", wanted=60_000 / 1024, unit="KiB",
            seen=found and found.live_kib, at_most=True,
        ),
    ]  # fmt: skip


def _waiting(results: Results) -> list[Target]:
    found = results.host_killed_ms.get("no standby")
    return [
        Target(
            name="objects of a killed host answer again", wanted=300, unit="ms",
            seen=statistics.median(found) if found else None, at_most=True,
        ),
    ]  # fmt: skip
