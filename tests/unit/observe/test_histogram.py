"""Latencies in buckets: how near the truth they are."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from sourdough.observe.histogram import (
    _SHORT,
    BUCKETS,
    Histogram,
    _bucket_of,
    bucket_seconds,
    quantile,
)


@given(st.floats(5e-6, 60_000))
def test_a_duration_is_found_within_an_eighth(seconds):
    """One duration alone is every quantile, within 12.5 % (and the microsecond cut off)."""
    histogram = Histogram()
    histogram.add(seconds)
    found = quantile(histogram.counts, 0.5)
    assert abs(found - seconds) <= seconds * 0.125 + 1e-6


@given(st.integers(0, BUCKETS - 2))
def test_the_middle_of_a_bucket_lies_in_it(index):
    """What is read from a bucket would be counted in it again."""
    histogram = Histogram()
    histogram.add(bucket_seconds(index) + 1e-9)
    assert histogram.counts[index] == 1


def test_buckets_rise():
    """A longer duration never has a smaller bucket."""
    middles = [bucket_seconds(index) for index in range(BUCKETS)]
    assert middles == sorted(middles)


def test_extremes_are_counted():
    """Nothing, less than nothing and a year have a place each."""
    histogram = Histogram()
    for seconds in (0.0, -1.0, 31_536_000.0):
        histogram.add(seconds)
    assert histogram.total == 3
    assert histogram.counts[0] == 2
    assert histogram.counts[-1] == 1


def test_an_empty_histogram_has_no_quantile():
    """No requests, no latency."""
    assert quantile(Histogram().counts, 0.99) is None


@given(st.lists(st.floats(1e-5, 100), min_size=1, max_size=200), st.floats(0.01, 0.99))
def test_quantiles_are_those_of_the_sorted_list(values, share):
    """The counted quantile is that of the values, up to the bucket's width."""
    histogram = Histogram()
    for value in values:
        histogram.add(value)
    ordered = sorted(values)
    exact = ordered[max(0, -int(-share * len(values) // 1) - 1)]
    assert abs(quantile(histogram.counts, share) - exact) <= exact * 0.125 + 1e-6


def test_the_table_of_short_durations_is_what_is_computed():
    """Looked up or computed, a duration has the same bucket."""
    assert list(_SHORT) == [_bucket_of(micros) for micros in range(1 << 14)]
