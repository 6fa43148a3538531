"""Latencies as counts in logarithmic buckets: four per power of two, so within 12 % of the truth.

Counting is an index and an addition; quantiles are computed by whoever looks. Counts of several
processes, and differences between two moments, are histograms again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

_SUB_BITS = 2
_SUB = 1 << _SUB_BITS
# 36 powers of two of a microsecond: beyond nineteen hours everything is one bucket.
BUCKETS = 36 * _SUB


def _bucket_of(micros: int) -> int:
    if micros < _SUB:
        return max(micros, 0)
    power = micros.bit_length()
    index = (power - _SUB_BITS) * _SUB + (micros >> (power - _SUB_BITS - 1)) - _SUB
    return min(index, BUCKETS - 1)


def _width_of(index: int) -> int:
    """Return how many whole microseconds a bucket is wide."""
    return (1 << index // _SUB) >> 1 or 1


# The buckets of short durations, up to 2 ** 14 us, which nearly all are: computing them takes twice
# as long. Made bucket by bucket, since every process of a server makes it at its start.
_SHORT = b"".join(bytes([index]) * _width_of(index) for index in range(13 * _SUB))


class Histogram:
    """Counts of durations since the process started."""

    __slots__ = ("counts",)

    def __init__(self) -> None:
        self.counts = [0] * BUCKETS

    @property
    def total(self) -> int:
        """How many durations were counted."""
        return sum(self.counts)

    def add(self, seconds: float) -> None:
        """Count one duration."""
        micros = int(seconds * 1e6)
        self.counts[_SHORT[micros] if 0 <= micros < len(_SHORT) else _bucket_of(micros)] += 1


def bucket_seconds(index: int) -> float:
    """Return the middle of a bucket, in seconds."""
    power, sub = divmod(index, _SUB)
    if power == 0:
        return (sub + 0.5) / 1e6
    width: int = 1 << (power - 1)
    return ((_SUB + sub) * width + width / 2) / 1e6


def quantile(counts: Sequence[int], share: float) -> float | None:
    """Return the duration (seconds) that `share` of the counted ones did not exceed."""
    total = sum(counts)
    if not total:
        return None
    wanted = share * total
    seen = 0
    for index, count in enumerate(counts):
        seen += count
        if seen >= wanted and count:
            return bucket_seconds(index)
    return bucket_seconds(len(counts) - 1)
