"""Many requests in a second become one line."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from sourdough.observe.records import (
    Dropped,
    RequestServed,
    RequestsFolded,
    ServerStopped,
)
from sourdough_cli.views.folding import Folding


def request(ts: float, status: int = 200, ms: float = 0.4) -> RequestServed:
    return RequestServed(ts=ts, method="GET", path="/", status=status, ms=ms, request_id="1")


def fold(moments, folding):
    shown = []
    for now, status in moments:
        shown.extend(folding.add(request(now, status), now))
    return shown + folding.close()


def test_a_slow_log_is_left_alone():
    """Up to the limit every request has its line, and no line is added."""
    moments = [(second + n / 100, 200) for second in range(3) for n in range(50)]
    shown = fold(moments, Folding(50))
    assert len(shown) == 150
    assert not any(isinstance(record, RequestsFolded) for record in shown)


def test_a_fast_log_becomes_one_line_a_second():
    """After the first fast second nothing but one line a second is shown."""
    moments = [(second + n / 1000, 200) for second in range(3) for n in range(900)]
    shown = fold(moments, Folding(50))
    assert len(shown) == 50 + 3
    assert [record.total for record in shown if isinstance(record, RequestsFolded)] == [900] * 3


def test_a_calm_second_brings_the_lines_back():
    """One second below the limit is still told as one line; the next is listed."""
    folding = Folding(2)
    fast = [(0.1, 200), (0.2, 200), (0.3, 200)]
    shown = fold([*fast, (1.1, 200), (2.1, 200)], folding)
    kinds = [type(record).__name__ for record in shown]
    assert kinds == [
        "RequestServed",
        "RequestServed",
        "RequestsFolded",
        "RequestsFolded",
        "RequestServed",
    ]


def test_other_records_pass_at_once():
    """Only requests are folded."""
    folding = Folding(0)
    dropped = Dropped(ts=1.0, count=1)
    assert folding.add(request(1.0), 1.0) == []
    assert folding.add(dropped, 1.1) == [dropped]


def test_the_last_words_come_last():
    """What was counted is told before the server says that it stopped."""
    folding = Folding(0)
    folding.add(request(1.0), 1.0)
    shown = folding.add(ServerStopped(ts=1.2, seconds=1, clean=True), 1.2)
    assert [type(record) for record in shown] == [RequestsFolded, ServerStopped]
    assert folding.close() == []


def test_percentiles_of_many_requests():
    """The sample is thinned out, not cut off: late latencies count as much as early ones."""
    folding = Folding(0)
    for n in range(100_000):
        folding.add(request(1.0, ms=float(n)), 1.0)
    (line,) = folding.close()
    assert abs(line.p50 - 50_000) < 500
    assert abs(line.p99 - 99_000) < 500


def test_a_clock_that_steps_back_loses_nothing():
    """A second is over when another one begins, whichever it is."""
    folding = Folding(0)
    folding.add(request(10.0), 10.0)
    (line,) = folding.add(request(5.0), 5.0)
    assert line.total == 1
    assert folding.close()[0].total == 1


@given(
    gaps=st.lists(st.tuples(st.floats(0, 0.7), st.sampled_from([200, 404, 500])), max_size=60),
    most=st.integers(0, 5),
)
@settings(max_examples=100, deadline=None)
def test_every_request_is_told_and_failures_whole(gaps, most):
    """Each request is listed or counted, each failure is listed, and counts add up."""
    moments, now = [], 100.0
    for gap, status in gaps:
        now += gap
        moments.append((now, status))
    shown = fold(moments, Folding(most))
    listed = [record for record in shown if isinstance(record, RequestServed)]
    folded = [record for record in shown if isinstance(record, RequestsFolded)]
    counted_seconds = {int(line.ts) for line in folded}
    told = sum(line.total for line in folded)
    told += sum(1 for record in listed if int(record.ts) not in counted_seconds)
    assert told == len(moments)
    assert sum(record.status == 500 for record in listed) == sum(s == 500 for _, s in moments)
    assert all(line.total == line.ok + line.failed for line in folded)
    calm = [r for r in listed if r.status != 500]
    assert all(sum(int(r.ts) == int(x.ts) for r in calm) <= most for x in calm)
