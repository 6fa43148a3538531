"""The state machine of the seats, driven at random."""

from __future__ import annotations

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from sourdough.coordinator.seats import Seats, SeatState


def table(seats: Seats) -> dict[int, tuple[int, int]]:
    return {seat.number: (seat.occupant, seat.epoch) for seat in seats.taken()}


class Machine(RuleBasedStateMachine):
    """Hosts come, take seats, release them and die in any order."""

    @initialize(count=st.integers(1, 5))
    def begin(self, count):
        self.seats = Seats(count)
        self.serial = 0
        self.epochs = []
        self.published = (self.seats.version, table(self.seats))

    def all(self):
        return [self.seats.number(number) for number in range(1, len(self.seats) + 1)]

    @precondition(lambda self: self.seats.vacant())
    @rule(data=st.data())
    def assign(self, data):
        seat = data.draw(st.sampled_from(self.seats.vacant()))
        self.serial += 1
        self.epochs.append(self.seats.assign(seat, self.serial))

    @rule(number=st.integers(0, 6), off=st.integers(-1, 1), other=st.integers(-1, 0))
    def confirm(self, number, off, other):
        seat = self.seats.number(number)
        if seat is None:
            assert not self.seats.confirm(number, 1, 1)
            return
        right = seat.state is SeatState.ASSIGNED and off == 0 and other == 0
        serial = (seat.occupant or 0) + other
        assert self.seats.confirm(number, seat.epoch + off, serial) is right

    @rule(data=st.data())
    def release(self, data):
        chosen = data.draw(st.sets(st.integers(1, self.serial or 1)))
        leaving = self.seats.release(chosen)
        assert all(seat.occupant in chosen for seat in leaving)

    @precondition(lambda self: self.serial)
    @rule(data=st.data())
    def vacate(self, data):
        serial = data.draw(st.integers(1, self.serial))
        held = self.seats.of(serial)
        assert self.seats.vacate(serial) is held
        assert self.seats.of(serial) is None

    @precondition(lambda self: len(self.seats.vacant()) == len(self.seats))
    @rule(count=st.integers(1, 5))
    def resize(self, count):
        self.seats.resize(count)
        assert len(self.seats) == count

    @invariant()
    def nobody_sits_twice(self):
        occupants = [seat.occupant for seat in self.all() if seat.occupant is not None]
        assert len(occupants) == len(set(occupants))
        for seat in self.all():
            assert (seat.occupant is None) is (seat.state is SeatState.VACANT)

    @invariant()
    def epochs_rise(self):
        assert self.epochs == sorted(set(self.epochs))

    @invariant()
    def every_change_of_the_table_has_a_newer_version(self):
        version, entries = self.published
        now = (self.seats.version, table(self.seats))
        assert now[0] >= version
        if now[1] != entries:
            assert now[0] > version
        self.published = now


TestSeats = Machine.TestCase
TestSeats.settings = settings(max_examples=60, stateful_step_count=30)


def test_seats_are_complete_when_all_are_taken():
    """Assigned is not yet taken."""
    seats = Seats(1)
    epoch = seats.assign(seats.vacant()[0], 4)
    assert not seats.complete
    assert seats.confirm(1, epoch, 4)
    assert seats.complete
