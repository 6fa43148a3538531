"""`ctx.abort()` against code that does not want to end (semantics 3.11, trap 13)."""

from __future__ import annotations

import pytest

CLOSED = "Durable Object storage is no longer accessible."


@pytest.fixture
def clinger(world):
    return world.new("CLINGER")


PLACES = [
    "handler", "task", "beside", "background", "finally", "generator", "transaction",
    "transaction_that_returns", "section", "query",
]  # fmt: skip


@pytest.mark.parametrize("where", PLACES)
def test_it_ends_whoever_catches_it(clinger, where):
    """semantics 3.11: its caller is told at once, the next instance begins, the old code is over."""
    seen = clinger.fails("clings", where)
    assert [seen.text, seen.durable_object_reset] == ["enough", True]
    assert clinger.call("constructions") == 2
    said = clinger.world.server.everything
    clinger.world.until(lambda: f"Clinger:{clinger.name} went on after its end" in said(), True)
    stepped = clinger.call("stepped")
    clinger.world.advance(1_000_000)
    assert clinger.call("stepped") == stepped
    assert clinger.call("entries") == {}
    line = next(each for each in said().splitlines() if f"{clinger.name} went on" in each)
    assert "was cut off at clinger.py:" in line


def test_a_constructor_that_catches_it(world):
    """semantics 3.11, 3.3: the event fails with the reason, the next one tries again."""
    clinger = world.new("CLINGER", "constructor")
    seen = clinger.fails("constructions")
    assert [seen.text, seen.durable_object_reset] == ["enough", True]
    assert clinger.call("constructions") == 2


def test_a_thread_cannot_abort(clinger):
    """semantics 3.11: it is told so, and nothing happens."""
    assert "no running event loop" in clinger.call("clings", "thread")
    assert clinger.call("constructions") == 1


@pytest.mark.parametrize(
    ("what", "told"),
    [
        ("write", [CLOSED]),
        ("sql", [CLOSED]),
        ("alarm", [CLOSED]),
        ("call", [CLOSED]),
        ("send", ["nothing was said"]),
        ("broadcast", [CLOSED]),
        ("wait_until", ["nothing was said"]),
        ("section", [""]),
    ],
)
def test_what_it_still_does_nobody_sees(clinger, lines, what, told):
    """semantics 3.11: no write, message, call, alarm or task, and no answer but the reason."""
    line = lines.open(clinger, "hibernate")
    assert clinger.fails("acts", what).text == "enough"
    assert line.ended()[0] == 1011
    assert line.left == []
    clinger.world.advance(60)
    assert clinger.call("told") == told
    assert clinger.call("entries") == {"before": what}
    assert clinger.call("alarm_of") is None


def test_a_response_after_it_is_none(clinger):
    """semantics 3.11, 2.12: the client gets the error, not a stream that never ends."""
    assert clinger.request("GET", "stream").status == 500
    assert clinger.call("constructions") == 2
