"""All that may happen on the way to objects, in any order: what each of them gets (W3, W5)."""

from __future__ import annotations

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from sourdough.gateway.sockets.answers import ObjectSettings
from sourdough.gateway.sockets.courier import Courier
from sourdough.gateway.sockets.event_queue import End, Said
from sourdough.gateway.sockets.held import HeldSocket
from sourdough.gateway.sockets.ledger import Ledger
from sourdough.testing import FakeClock
from sourdough.wire.frames import ResetCode
from sourdough.wire.heads import RequestHead
from sourdough.wire.sockets import Bind, SocketEvent

LIMIT = 40
KEY = b"Room" + bytes(32)


class Roads:
    """Where peers would send events: the machine says what becomes of each."""

    def __init__(self) -> None:
        self.under_way = []

    def send(self, delivery) -> None:
        delivery.peers = self
        self.under_way.append(delivery)

    def link_of(self, slot):
        return None

    def unpark(self, delivery) -> None:
        self.under_way.remove(delivery)


class Events(RuleBasedStateMachine):
    """Three sockets of one object."""

    def __init__(self) -> None:
        super().__init__()
        self.roads = Roads()
        self.forgotten: list[int] = []
        self.courier = Courier(
            loop=None, clock=FakeClock(), peers=self.roads,
            ledger=Ledger(None, None, list), settings=ObjectSettings(), kept_limit=LIMIT,
            forget=lambda held: self.forgotten.append(held.number),
        )  # fmt: skip
        self.held = {
            number: HeldSocket(self.courier, None, Bind(number, hibernates=True, key=KEY), number)
            for number in (1, 2, 3)
        }
        self.said = 0
        self.got: dict[int, list] = {number: [] for number in self.held}
        self.dismissed: set[int] = set()

    def teardown(self) -> None:
        """Let everything come to its end: exactly one for each socket."""
        for number, held in self.held.items():
            if number not in self.dismissed:
                self.courier.ended(held, End(1006, ""))
        while self.roads.under_way or self.courier._refused:
            self.courier.retry()
            self.take(ResetCode.LOST)
        for number, events in self.got.items():
            ends = [event for event in events if isinstance(event, End)]
            messages = [event for event in events if isinstance(event, int)]
            assert messages == sorted(set(messages))
            if number not in self.dismissed:
                assert len(ends) == 1
                assert events[-1] is ends[0]
                assert self.forgotten.count(number) == 1
        assert self.courier.kept == 0

    def take(self, failure=None) -> None:
        """The host gets the oldest event, and answers it or is lost with it."""
        delivery = self.roads.under_way.pop(0)
        head = RequestHead.decode(delivery.encode())
        event = SocketEvent.decode(head.target)
        end = End(event.code, event.reason, event.clean)
        self.got[event.socket].append(int(head.body) if head.method == b"message" else end)
        if failure is None:
            delivery.on_head(1, 0, b"")
        else:
            delivery.on_failed(failure, "")

    @rule(number=st.integers(1, 3))
    def say(self, number) -> None:
        if number not in self.dismissed:
            self.said += 1
            self.courier.received(self.held[number], Said(b"%05d" % self.said, True))

    @rule(number=st.integers(1, 3))
    def end(self, number) -> None:
        if number not in self.dismissed:
            self.courier.ended(self.held[number], End(1000, "", clean=True))

    @precondition(lambda self: self.roads.under_way)
    @rule(failure=st.sampled_from([None, None, ResetCode.LOST, ResetCode.FAILED]))
    def deliver(self, failure) -> None:
        self.take(failure)

    @precondition(lambda self: self.roads.under_way)
    @rule(failure=st.sampled_from([ResetCode.EXPIRED, ResetCode.OVERLOADED]))
    def not_delivered(self, failure) -> None:
        self.roads.under_way.pop(0).on_failed(failure, "")

    @rule()
    def retry(self) -> None:
        self.courier.retry()

    @rule(number=st.integers(1, 3))
    def reset(self, number) -> None:
        if number not in self.dismissed and number not in self.forgotten:
            self.dismissed.add(number)
            self.courier.dismiss(self.held[number])

    @invariant()
    def at_most_one_is_under_way(self) -> None:
        """Of each socket; and nothing of one that was dismissed."""
        numbers = [delivery._held.number for delivery in self.roads.under_way]
        assert len(numbers) == len(set(numbers))
        assert not self.dismissed.intersection(numbers)

    @invariant()
    def what_is_kept_is_bounded(self) -> None:
        """And counted."""
        queued = sum(held.queue.size for held in self.held.values())
        doubts = sum(len(held.doubt.data or b"") for held in self.held.values() if held.doubt)
        assert self.courier.kept == queued + doubts <= LIMIT


TestEvents = Events.TestCase
TestEvents.settings = settings(max_examples=40, stateful_step_count=25, deadline=None)
