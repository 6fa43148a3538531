"""Which requests get a line of their own: failures always, others up to a rate; the rest are
counted and come as one line a second. Pure: it is told the time, and returns records.
"""

from __future__ import annotations

from sourdough.observe.histogram import Histogram, quantile
from sourdough.observe.records import RequestServed, RequestsFolded

# What a person can still read, and what a log of one line each still costs little.
LINES_PER_SECOND = 40
# Failures are shown whole, but not without bound: a broken handler under load fails thousands.
FAILURES_PER_SECOND = 200


class RequestLog:
    """Decides for each request, and folds what gets no line."""

    def __init__(self, latency: Histogram) -> None:
        """Take the histogram in which every request is counted anyway."""
        self.lines: list[RequestServed] = []
        self._left = LINES_PER_SECOND
        self._failures_left = FAILURES_PER_SECOND
        self._folded = 0
        self._failed = 0
        self._latency = latency
        self._before = list(latency.counts)

    def wants(self, status: int) -> bool:
        """Say whether this request gets a line; if not it is counted."""
        failed = status >= 500
        if failed and self._failures_left > 0:
            self._failures_left -= 1
            return True
        if self._left > 0 and not failed:
            self._left -= 1
            return True
        self._folded += 1
        self._failed += status >= 400
        return False

    def tick(self, now: float) -> list[RequestServed | RequestsFolded]:
        """Return the lines of the last second, and what was folded; called once a second."""
        records: list[RequestServed | RequestsFolded] = [*self.lines]
        self.lines.clear()
        # A steady stream is folded whole; single lines come back when it is slow enough to read.
        busy = self._folded > LINES_PER_SECOND
        self._left = 0 if busy else LINES_PER_SECOND
        self._failures_left = FAILURES_PER_SECOND
        if self._folded:
            records.append(self._fold(now))
            self._folded = self._failed = 0
        self._before = list(self._latency.counts)
        return records

    def _fold(self, now: float) -> RequestsFolded:
        counts = [
            after - before for after, before in zip(self._latency.counts, self._before, strict=True)
        ]
        p50, p99 = (quantile(counts, share) for share in (0.5, 0.99))
        return RequestsFolded(
            ts=now,
            total=self._folded,
            ok=self._folded - self._failed,
            failed=self._failed,
            p50=None if p50 is None else p50 * 1e3,
            p99=None if p99 is None else p99 * 1e3,
        )
