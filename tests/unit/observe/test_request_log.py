"""Which requests get a line, and what is folded."""

from __future__ import annotations

import pytest

from sourdough.observe.histogram import Histogram
from sourdough.observe.records import RequestServed, RequestsFolded
from sourdough.observe.request_log import FAILURES_PER_SECOND, LINES_PER_SECOND, RequestLog


def line(status: int = 200) -> RequestServed:
    return RequestServed(ts=1.0, method="GET", path="/", status=status, ms=1.0, request_id="1")


class Log:
    """A log whose requests are counted as a gateway counts them."""

    def __init__(self) -> None:
        self.latency = Histogram()
        self.log = RequestLog(self.latency)
        self.lines = self.log.lines
        self.tick = self.log.tick

    def wants(self, status: int, seconds: float) -> bool:
        self.latency.add(seconds)
        return self.log.wants(status)


def test_a_few_requests_get_a_line_each():
    """Below the rate nothing is folded."""
    log = Log()
    assert all(log.wants(200, 0.001) for _ in range(LINES_PER_SECOND))
    log.lines.append(line())
    assert log.tick(2.0) == [line()]
    assert log.tick(3.0) == []


def test_what_is_too_much_is_folded_into_one_line():
    """The rest of a second is counted, with its latencies."""
    log = Log()
    shown = sum(log.wants(200, 0.004) for _ in range(LINES_PER_SECOND + 10))
    assert shown == LINES_PER_SECOND
    assert not log.wants(404, 0.004)
    (folded,) = log.tick(2.0)
    assert isinstance(folded, RequestsFolded)
    assert (folded.total, folded.ok, folded.failed) == (11, 10, 1)
    assert folded.p50 == pytest.approx(4.0, rel=0.13)


def test_failures_are_shown_when_others_are_folded():
    """A 500 gets its line in the busiest second, up to a bound."""
    log = Log()
    for _ in range(LINES_PER_SECOND + 5):
        log.wants(200, 0.001)
    assert (
        sum(log.wants(500, 0.001) for _ in range(FAILURES_PER_SECOND + 20)) == FAILURES_PER_SECOND
    )
    (folded,) = log.tick(2.0)
    assert (folded.total, folded.failed) == (25, 20)


def test_lines_come_back_when_it_is_quiet_again():
    """A second without much to fold gives single lines their place back."""
    log = Log()
    for _ in range(10 * LINES_PER_SECOND):
        log.wants(200, 0.001)
    log.tick(2.0)
    log.tick(3.0)
    assert log.wants(200, 0.001)
