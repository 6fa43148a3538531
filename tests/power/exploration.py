"""Many seeds, on all cores; what they found."""

from __future__ import annotations

import multiprocessing
import os
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.power.lives import Failure, Lives

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from tests.power.lives import Plan
    from tests.power.subject import Subject

_CORES = min(2, os.cpu_count() or 1)
_AT_ONCE = 5


@dataclass(frozen=True, slots=True)
class Found:
    """What some seeds brought."""

    cuts: int
    failures: tuple[Failure, ...]

    def __str__(self) -> str:
        lines = [f"{len(self.failures)} of {self.cuts} cuts failed"]
        lines += [f"  {failure}" for failure in self.failures[:5]]
        if self.failures:
            lines.append(f"again: pytest tests/power --seed {self.failures[0].seed}")
        return "\n".join(lines)


def explore(subject: Callable[[], Subject], seeds: Iterable[int], plan: Plan) -> Found:
    """Live through some seeds; all of them, also when some have failed."""
    wanted = list(seeds)
    parts = [wanted[start : start + _AT_ONCE] for start in range(0, len(wanted), _AT_ONCE)]
    if len(parts) < 2:
        return _live(subject, wanted, plan)
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(_CORES, mp_context=context) as pool:
        jobs = [pool.submit(_live, subject, part, plan) for part in parts]
        found = [job.result() for job in jobs]
    return Found(
        sum(each.cuts for each in found),
        tuple(failure for each in found for failure in each.failures),
    )


def _live(subject: Callable[[], Subject], seeds: list[int], plan: Plan) -> Found:
    cuts, failures = 0, []
    for seed in seeds:
        lives = Lives(seed, subject, plan)
        lives.run()
        cuts += lives.cuts
        failures += lives.failures
    return Found(cuts, tuple(failures))
