"""Request lines, folded where they come faster than anybody reads.

Up to `MOST_LINES` requests of one second are listed. Of a second with more, the rest is only
counted and told as one line when the second is over; while that goes on, no request is listed at
all. A failure is always listed. Nothing is lost: a folded line counts every request of its second.

Pure: the time is passed in, and calling `settle` at least once a second is the caller's business.
"""

from __future__ import annotations

from math import ceil
from typing import TYPE_CHECKING

from sourdough.observe.records import (
    RequestServed,
    RequestsFolded,
    ServerStopped,
    ServerStopping,
)
from sourdough_cli.views.request_line import is_failure

if TYPE_CHECKING:
    from sourdough.observe.records import AnyRecord

MOST_LINES = 50

# Latencies kept for the percentiles of one second. Beyond it every second one is thinned out,
# again and again, which keeps an even sample of the second in bounded memory.
_MOST_SAMPLES = 2048


class Folding:
    """Decides for each record whether it is shown now, and what is told at the end of a second."""

    def __init__(self, most_lines: int = MOST_LINES) -> None:
        self._most_lines = most_lines
        self._second: int | None = None
        self._folding = False
        self._total = 0
        self._failed = 0
        self._latencies = _Sample()

    def add(self, record: AnyRecord, now: float) -> list[AnyRecord]:
        """Take a record at `now` (Unix seconds) and return what is to be shown, in order."""
        shown = self.settle(now)
        if isinstance(record, ServerStopping | ServerStopped):
            return [*shown, *self.close(), record]  # the last words are the last
        if not isinstance(record, RequestServed):
            return [*shown, record]
        failed = is_failure(record)
        self._total += 1
        self._failed += failed
        self._latencies.add(record.ms)
        if self._total > self._most_lines:
            self._folding = True
        return [*shown, record] if failed or not self._folding else shown

    def settle(self, now: float) -> list[AnyRecord]:
        """Return the folded line of the last second, when that is over and had one."""
        second = int(now)
        if second == self._second:
            return []
        shown = self._end_of_second()
        self._second = second
        return shown

    def close(self) -> list[AnyRecord]:
        """Return the folded line of the second that is not over yet."""
        shown = self._end_of_second()
        self._folding = False
        return shown

    def _end_of_second(self) -> list[AnyRecord]:
        shown: list[AnyRecord] = []
        if self._folding and self._total and self._second is not None:
            shown.append(self._folded(float(self._second)))
        # A calm second is still told as one line, but the next one is listed again.
        self._folding = self._total > self._most_lines
        self._total = self._failed = 0
        self._latencies = _Sample()
        return shown

    def _folded(self, ts: float) -> RequestsFolded:
        return RequestsFolded(
            ts=ts,
            total=self._total,
            ok=self._total - self._failed,
            failed=self._failed,
            p50=self._latencies.percentile(0.50),
            p99=self._latencies.percentile(0.99),
        )


class _Sample:
    """An even sample of a stream of numbers, in bounded memory."""

    __slots__ = ("_seen", "_step", "_values")

    def __init__(self) -> None:
        self._values: list[float] = []
        self._seen = 0
        self._step = 1

    def add(self, value: float) -> None:
        if self._seen % self._step == 0:
            self._values.append(value)
            if len(self._values) >= _MOST_SAMPLES:
                del self._values[1::2]
                self._step *= 2
        self._seen += 1

    def percentile(self, share: float) -> float | None:
        if not self._values:
            return None
        ordered = sorted(self._values)
        return ordered[max(ceil(share * len(ordered)) - 1, 0)]
