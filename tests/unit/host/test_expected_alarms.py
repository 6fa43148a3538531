"""Which confirmations of the index of alarms a host waits for."""

from __future__ import annotations

import pytest

from sourdough.host.alarms import Alarms
from sourdough.wire.messages import AlarmsKept


class Listening:
    """The control channel: hears what is sent."""

    def __init__(self) -> None:
        self.sent = []

    def send(self, message) -> None:
        self.sent.append(message)


@pytest.fixture
def alarms() -> Alarms:
    """The alarms of a host that nothing else is asked of."""
    return Alarms(host=None, channel=Listening())


def test_of_an_object_the_newest_alone_is_expected(alarms):
    """However often its alarm is set while the index is silent."""
    kept = []
    of_object = alarms.of("Thing", bytes(32), durable=True)
    for due in range(1000, 0, -1):
        of_object.sooner(due, None, lambda due=due: kept.append(due))
    assert len(alarms._expected) == 1
    alarms.take(AlarmsKept(numbers=tuple(each.number for each in alarms._channel.sent)))
    assert (kept, alarms._expected, alarms._newest) == ([1], {}, {})


def test_what_was_adopted_is_expected_beside_it(alarms):
    """Old segments stay until just that is held."""
    kept = []
    adopted = alarms.expect(lambda: kept.append("adopted"))
    alarms.of("Thing", bytes(32), durable=True).sooner(1, None, lambda: kept.append("set"))
    alarms.take(AlarmsKept(numbers=(adopted,)))
    alarms.take(AlarmsKept(numbers=(alarms._channel.sent[-1].number, adopted)))
    assert kept == ["adopted", "set"]
