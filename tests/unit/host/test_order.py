"""The order of one stub's calls over a change of owner (invariant D4)."""

from __future__ import annotations

from sourdough.host.order import Order, OrderedCall

SLOT = 7


class Call(OrderedCall):
    """A call that is known by its label."""

    def __init__(self, label: str) -> None:
        super().__init__(SLOT, False, 0)
        self.label = label


class Owners:
    """What an order needs of the peers: who owns the slot, and two ways to send."""

    def __init__(self) -> None:
        self.epoch = 1
        self.sent: list[tuple[str, int]] = []
        self.returned: list[str] = []
        self.former: dict[str, int] = {}
        """Calls that the host takes that leaves the seat, by its epoch; nobody sits there now."""
        self.ends_at_once: Order | None = None

    def epoch_of(self, slot: int) -> int:
        return self.epoch

    def send(self, call: Call) -> None:
        call.epoch = self.former.get(call.label, self.epoch)
        self.sent.append((call.label, call.epoch))
        if self.ends_at_once is not None:
            self.ends_at_once.answered(call)

    def refused(self, call: Call) -> None:
        self.returned.append(call.label)


def started(*labels: str):
    """Return owners, an order, and calls that are out to the first owner."""
    owners = Owners()
    order = Order(owners)
    calls = [Call(label) for label in labels]
    for call in calls:
        order.send(call)
    return owners, order, calls


def test_calls_to_one_owner_go_at_once():
    """Nothing is held while nothing moves."""
    owners, order, calls = started("a", "b", "c")
    assert owners.sent == [("a", 1), ("b", 1), ("c", 1)]
    assert not order.idle
    for call in calls:
        order.answered(call)
    assert order.idle


def test_a_new_owner_gets_nothing_while_calls_are_out():
    """What was made after the change waits for what was made before it."""
    owners, order, (first, second) = started("a", "b")
    owners.epoch = 2
    order.send(Call("c"))
    order.answered(first)
    assert owners.sent[2:] == []
    order.answered(second)
    assert owners.sent[2:] == [("c", 2)]


def test_refused_calls_go_first_and_in_order():
    """Whatever order the refusals come in, the calls go out in the order they were made."""
    owners, order, (first, second, third) = started("a", "b", "c")
    order.answered(first)
    owners.epoch = 2
    order.send(Call("d"))
    order.refused(third)
    assert owners.returned == []
    order.refused(second)
    assert owners.returned == ["b", "c", "d"]


def test_an_answer_told_twice_changes_nothing():
    """A cancelled call may still be answered."""
    owners, order, (first, second) = started("a", "b")
    order.answered(first)
    order.answered(first)
    owners.epoch = 2
    order.send(Call("c"))
    assert owners.sent[2:] == []
    order.answered(second)
    assert owners.sent[2:] == [("c", 2)]
    assert not order.idle


def test_what_the_leaving_host_takes_is_not_overtaken_by_what_waits_for_the_next():
    """It may still refuse those; who began after the release would go ahead of them."""
    owners, order, (first,) = started("a")
    owners.epoch = 2
    early, late = Call("b"), Call("c")
    order.send(early)
    order.send(late)
    owners.epoch, owners.former = 0, {"b": 2}
    order.answered(first)
    assert owners.sent[1:] == [("b", 2)]
    owners.epoch, owners.former = 3, {}
    order.refused(early)
    assert owners.returned == ["b", "c"]


def test_many_calls_that_end_while_they_are_sent():
    """An object that has come to this host answers at once: one after the other, not one in the other."""
    owners, order, (first,) = started("first")
    owners.epoch = 2
    for number in range(5_000):
        order.send(Call(str(number)))
    owners.ends_at_once = order
    order.answered(first)
    assert owners.sent[1:] == [(str(number), 2) for number in range(5_000)]
    assert order.idle
