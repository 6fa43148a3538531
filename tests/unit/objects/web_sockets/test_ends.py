"""Which ends of WebSockets were heard lately."""

from __future__ import annotations

from sourdough.movable import ShiftedClock
from sourdough.objects.web_sockets.ends import Ends


def test_an_end_is_news_once():
    """Each number for itself."""
    ends = Ends(ShiftedClock())
    assert ends.hear(1)
    assert ends.hear(2)
    assert not ends.hear(1)
    assert 1 in ends
    assert 3 not in ends


def test_what_is_remembered_is_bounded(monkeypatch):
    """The oldest are forgotten: those beyond a number, and those that are old."""
    monkeypatch.setattr("sourdough.objects.web_sockets.ends._MOST_KEPT", 3)
    clock = ShiftedClock()
    ends = Ends(clock)
    for number in range(5):
        ends.hear(number)
    assert [number for number in range(5) if number in ends] == [2, 3, 4]
    clock.shift_to(301.0)
    ends.hear(5)
    assert [number for number in range(6) if number in ends] == [5]
