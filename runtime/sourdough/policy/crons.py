"""When the entrypoint's `scheduled` runs, and what becomes of its runs. Pure.

    (time passes) --> due --recorded--> waiting --sent--> running --ended--> gone
                                           ^                 |
                                           +--- host lost ---+--> given up --> gone

Each cron has a moment up to which its occurrences are accounted for. What came later and up to now
is due: while the server runs that is one at a time, after a pause of server or machine it may be
many, and then `missed` decides. Cron times are UTC and moments are ms since the Unix epoch; pauses
before another try are in monotonic seconds.
"""

from __future__ import annotations

import datetime as dt
import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cronsim import CronSim

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

ATTEMPTS = 6
"""So often a run is begun that each time loses its host."""
_ON_TIME_MS = 60_000
# A clock that was ahead by more than this when an occurrence was noted was wrong.
_WRONG_MS = 24 * 3600 * 1000
_LONGEST_PAUSE = 60.0


@dataclass(frozen=True, slots=True)
class Occurrence:
    """One moment of one cron."""

    cron: str
    due: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """What time has brought. seen: up to when each cron is accounted for, where that has changed."""

    seen: dict[str, int]
    occurrences: tuple[Occurrence, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """A run that is to be sent to a host."""

    number: int
    occurrence: Occurrence
    serial: int


@dataclass(slots=True, kw_only=True)
class _Run:
    occurrence: Occurrence
    by_hand: bool
    attempts: int = 0
    not_before: float = 0.0
    number: int = 0
    serial: int | None = None


def next_after(cron: str, moment: int) -> int | None:
    """Return the first occurrence behind a moment; None where there is none for decades."""
    return _first(CronSim(cron, _datetime(moment)))


def latest_until(cron: str, moment: int) -> int | None:
    """Return the last occurrence up to and including a moment."""
    return _first(CronSim(cron, _datetime(moment + 1000), reverse=True))


class CronBook:
    """The crons of a server and the runs that have not ended."""

    def __init__(self) -> None:
        self._seen: dict[str, int] = {}
        self._crons: tuple[str, ...] = ()
        self._skips = False
        self._numbers = itertools.count(1)
        self._runs: list[_Run] = []

    def load(self, seen: Mapping[str, int], runs: Iterable[Occurrence]) -> None:
        """Take what the last server has left: its runs that had not ended are to be run again."""
        self._seen = dict(seen)
        self._runs = [_Run(occurrence=each, by_hand=False) for each in runs]

    def configure(self, crons: Sequence[str], *, skips: bool) -> list[Occurrence]:
        """Take the configuration; return the runs that are dropped with their crons.

        skips: occurrences that were missed are not made up for.
        """
        self._crons, self._skips = tuple(crons), skips
        dropped = [each for each in self._runs if self._is_obsolete(each)]
        self._runs = [each for each in self._runs if each not in dropped]
        return [each.occurrence for each in dropped]

    def _is_obsolete(self, run: _Run) -> bool:
        return run.serial is None and not run.by_hand and run.occurrence.cron not in self._crons

    # --- time

    def due(self, now: int) -> Turn:
        """Return what has become due; `begin` takes it when it is recorded."""
        seen: dict[str, int] = {}
        occurrences: list[Occurrence] = []
        for cron in self._crons:
            before = self._seen.get(cron)
            if before is None or before > now + _WRONG_MS:
                seen[cron] = now  # a new cron has missed nothing
                continue
            latest = latest_until(cron, now)
            if latest is None or latest <= before:
                continue
            seen[cron] = latest
            if not self._skips or now - latest <= _ON_TIME_MS:
                occurrences.append(Occurrence(cron, latest))
        return Turn(seen=seen, occurrences=tuple(occurrences))

    def begin(self, turn: Turn) -> None:
        """What was due is recorded: it is to be run."""
        self._seen |= turn.seen
        self._runs += [_Run(occurrence=each, by_hand=False) for each in turn.occurrences]

    def trigger(self, occurrence: Occurrence) -> int:
        """Somebody wants a run now; return its number."""
        run = _Run(occurrence=occurrence, by_hand=True, number=next(self._numbers))
        self._runs.append(run)
        return run.number

    # --- runs

    def start(self, monotonic: float, host: Callable[[], int | None]) -> list[Start]:
        """Give what waits to hosts. host: the serial number of the one that is to run the next."""
        started = []
        for run in self._runs:
            if run.serial is not None or run.not_before > monotonic:
                continue
            run.serial = host()
            if run.serial is None:
                break
            run.attempts += 1
            run.number = run.number if run.by_hand else next(self._numbers)
            started.append(Start(number=run.number, occurrence=run.occurrence, serial=run.serial))
        return started

    def ended(self, number: int) -> tuple[Occurrence, bool] | None:
        """A run has ended: return what it was, and whether it was by hand; None if not known."""
        for run in self._runs:
            if run.serial is not None and run.number == number:
                self._runs.remove(run)
                return run.occurrence, run.by_hand
        return None

    def lost(self, lives: Callable[[int], bool], monotonic: float) -> list[tuple[int, Occurrence]]:
        """Hosts may be gone: what they ran is tried again, more slowly; return what is given up.

        A run by hand is given up at once: who wants it is there and can ask again.
        """
        given_up = []
        for run in list(self._runs):
            if run.serial is None or lives(run.serial):
                continue
            if run.by_hand or run.attempts >= ATTEMPTS:
                self._runs.remove(run)
                given_up.append((run.number if run.by_hand else 0, run.occurrence))
                continue
            run.serial = None
            run.not_before = monotonic + min(2.0 ** (run.attempts - 1), _LONGEST_PAUSE)
        return given_up

    # --- looking

    def running(self, cron: str) -> int:
        """Return how many runs of a cron have not ended."""
        return sum(run.occurrence.cron == cron for run in self._runs)

    @property
    def idle(self) -> bool:
        """Whether there is nothing to watch."""
        return not self._crons and not self._runs


def _datetime(moment: int) -> dt.datetime:
    return dt.datetime.fromtimestamp(moment // 1000, dt.UTC)


def _first(occurrences: CronSim) -> int | None:
    found = next(occurrences, None)
    return None if found is None else int(found.timestamp()) * 1000
