"""Rates and quantiles of one child, from the counters in its heartbeats. Pure."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from sourdough.observe.histogram import quantile
from sourdough.wire.messages import Heartbeat

# Figures cover about this much time: steady enough to read, quick enough to follow.
_WINDOW_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class _Sample:
    at: float
    requests: int
    cpu: float
    latency: tuple[int, ...]


class Figures:
    """The last few seconds of one child."""

    def __init__(self) -> None:
        self._samples: deque[_Sample] = deque()
        self.beat = Heartbeat(lag=0.0)

    def add(self, beat: Heartbeat, now: float) -> None:
        """Take a heartbeat that came at `now` (monotonic seconds)."""
        self.beat = beat
        self._samples.append(_Sample(now, beat.requests, beat.cpu, beat.latency))
        while len(self._samples) > 2 and now - self._samples[1].at >= _WINDOW_SECONDS:
            self._samples.popleft()

    @property
    def requests_per_second(self) -> float:
        first, last, seconds = self._span()
        return (last.requests - first.requests) / seconds if seconds else 0.0

    @property
    def cpu(self) -> float:
        """The share of one processor."""
        first, last, seconds = self._span()
        return max(0.0, last.cpu - first.cpu) / seconds if seconds else 0.0

    def latency(self, share: float) -> float | None:
        """Return a quantile of the latency, in milliseconds."""
        first, last, seconds = self._span()
        if not seconds or len(first.latency) != len(last.latency):
            return None
        counts = [b - a for a, b in zip(first.latency, last.latency, strict=True)]
        found = quantile(counts, share)
        return None if found is None else found * 1e3

    def _span(self) -> tuple[_Sample, _Sample, float]:
        if not self._samples:
            empty = _Sample(0.0, 0, 0.0, ())
            return empty, empty, 0.0
        first, last = self._samples[0], self._samples[-1]
        return first, last, last.at - first.at
