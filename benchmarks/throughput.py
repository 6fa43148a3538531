"""Requests per second, side by side: each round loads every contender once, back and forth."""

from __future__ import annotations

import asyncio
import contextlib
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import processor_time
import uvloop
from contenders import UVICORN
from load import RefusedError, run
from results import CaseResult, Measured
from touch import touching

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from cases import Case
    from servers import Serving

_MAKING_SECONDS = 120.0
# Objects that rest for ten seconds sleep, ours and workerd's: many are woken before each round, for
# as long as the first of them would stay awake.
_MANY = 1_000
_WAKING_SECONDS = 9.0
_CONNECTIONS = 8


@dataclass(frozen=True, kw_only=True)
class Plan:
    """How long to measure."""

    rounds: int
    seconds: int
    until: float
    """`time.monotonic()` at which the last case has to be over."""


def measure(
    servers: dict[str, Serving],
    cases: list[Case],
    plan: Plan,
    *,
    found: Callable[[CaseResult], None],
) -> None:
    """Measure each case; one that is late does fewer rounds, so that all have some."""
    for index, case in enumerate(cases):
        found(_case(servers, case, plan, left=len(cases) - index))


def _case(servers: dict[str, Serving], case: Case, plan: Plan, *, left: int) -> CaseResult:
    by = {key: Measured() for key in case.operation.who if key in servers}
    result = CaseResult(
        operation=case.operation.key,
        name=case.name,
        connections=case.connections,
        objects=case.objects,
        writes=case.operation.writes,
        by=by,
    )
    _make_objects(servers, case, by)
    loaded = {key: _loaded(key, servers[key], case) for key in by}
    began = time.monotonic()
    until = began + (plan.until - began) / left
    for number in range(plan.rounds):
        took = (time.monotonic() - began) / number if number else 0.0
        if number and time.monotonic() + took > until:
            break
        for key in sorted(by, reverse=bool(number % 2)):
            if by[key].refused is None:
                if case.objects > _MANY and key != UVICORN:
                    _wake(servers[key], case)
                _load(loaded[key], case, plan.seconds, by[key])
    return result


def _wake(serving: Serving, case: Case) -> None:
    calls = touching(serving.port, case.operation.path, case.objects, connections=_CONNECTIONS)
    # What goes wrong here goes wrong in the round too, which says so.
    with contextlib.suppress(OSError, EOFError, TimeoutError, RefusedError):
        uvloop.run(asyncio.wait_for(calls, _WAKING_SECONDS))


@dataclass(frozen=True)
class Loaded:
    """A server as one case calls it."""

    url: str
    path: str
    roles: dict[str, list[int]]


def _loaded(key: str, serving: Serving, case: Case) -> Loaded:
    path = case.operation.bare_path if key == UVICORN else case.operation.path
    return Loaded(serving.url, path, processor_time.roles(serving))


def _load(loaded: Loaded, case: Case, seconds: int, into: Measured) -> None:
    """Run one round; a process that has ended meanwhile refuses it as a bad answer does."""
    try:
        before = processor_time.seconds(loaded.roles)
        told = run(
            loaded.url, loaded.path,
            connections=case.connections, seconds=seconds, objects=case.objects,
        )  # fmt: skip
        after = processor_time.seconds(loaded.roles)
    except (OSError, RefusedError) as error:
        into.refused = str(error)
        return
    into.cpu_us.append(processor_time.each_request(before, after, told.per_second * seconds))
    into.per_second.append(told.per_second)
    into.p50_ms.append(told.p50)
    into.p99_ms.append(told.p99)


def _make_objects(servers: dict[str, Serving], case: Case, by: dict[str, Measured]) -> None:
    """Make the objects everywhere at once: what is measured later is calling them."""

    async def make(key: str) -> None:
        try:
            async with asyncio.timeout(_MAKING_SECONDS):
                await touching(
                    servers[key].port, case.operation.path, case.objects,
                    connections=_CONNECTIONS,
                )  # fmt: skip
        except (OSError, EOFError, TimeoutError, RefusedError) as error:
            by[key].refused = f"objects could not be made: {error!r}"

    async def make_all(keys: Iterable[str]) -> None:
        await asyncio.gather(*(make(key) for key in keys))

    uvloop.run(make_all([key for key in by if key != UVICORN]))
