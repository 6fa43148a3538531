"""Rates and quantiles from heartbeats."""

from __future__ import annotations

import pytest

from sourdough.coordinator.figures import Figures
from sourdough.observe.histogram import Histogram
from sourdough.wire.messages import Heartbeat


def beat(requests: int, *, cpu: float = 0.0, latency=()) -> Heartbeat:
    return Heartbeat(lag=0.0, requests=requests, cpu=cpu, latency=tuple(latency))


def test_nothing_is_known_before_two_heartbeats():
    """One heartbeat says nothing about a rate."""
    figures = Figures()
    assert figures.requests_per_second == 0.0
    figures.add(beat(100), 1.0)
    assert figures.requests_per_second == 0.0
    assert figures.cpu == 0.0
    assert figures.latency(0.5) is None


def test_rates_are_those_of_the_last_seconds():
    """Old heartbeats fall out of the window."""
    figures = Figures()
    for second in range(10):
        figures.add(beat(1000 * second, cpu=0.5 * second), float(second))
    for second in range(10, 30):
        figures.add(beat(10_000 + 10 * second, cpu=5.0), float(second))
    assert figures.requests_per_second == pytest.approx(10.0)
    assert figures.cpu == pytest.approx(0.0)
    assert figures.beat.requests == 10_290


def test_the_latency_is_that_of_the_last_seconds():
    """Counters only rise; their difference is the window's histogram."""
    figures, histogram = Figures(), Histogram()
    for _ in range(1000):
        histogram.add(0.5)
    figures.add(beat(0, latency=histogram.counts), 0.0)
    for _ in range(100):
        histogram.add(0.002)
    figures.add(beat(0, latency=histogram.counts), 1.0)
    assert figures.latency(0.5) == pytest.approx(2.0, rel=0.13)
    assert figures.latency(0.99) == pytest.approx(2.0, rel=0.13)
