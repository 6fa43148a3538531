"""Who sits where: the seats, their occupants and their epochs (invariants P1, P2). Pure.

    vacant --assign--> assigned --confirm--> taken --release--> leaving --vacate--> vacant
                            \\__________________vacate (death)__________/

The table that peers see lists who takes events, and who is leaving. Its version rises with each change of it, the
epoch of a seat with each occupant.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Container


class SeatState(Enum):
    """What a seat is doing."""

    VACANT = "vacant"
    ASSIGNED = "assigned"
    TAKEN = "taken"
    LEAVING = "leaving"


@dataclass(slots=True)
class Seat:
    """One seat."""

    number: int
    epoch: int = 0
    state: SeatState = SeatState.VACANT
    occupant: int | None = None
    """The serial number of the host process."""
    released: int = 0
    """The version of the table with which the seat was asked back."""


class Seats:
    """All seats of the server."""

    def __init__(self, count: int) -> None:
        self.version = 1
        self._epoch = 0
        self._seats = {number: Seat(number) for number in range(1, count + 1)}

    def __len__(self) -> int:
        return len(self._seats)

    def taken(self) -> list[Seat]:
        """Return the seats whose occupant takes events, in order."""
        return [seat for seat in self._seats.values() if seat.state is SeatState.TAKEN]

    def vacant(self) -> list[Seat]:
        """Return the seats that wait for an occupant, in order."""
        return [seat for seat in self._seats.values() if seat.state is SeatState.VACANT]

    def leaving(self) -> list[Seat]:
        """Return the seats whose occupant finishes what it has begun, in order."""
        return [seat for seat in self._seats.values() if seat.state is SeatState.LEAVING]

    @property
    def complete(self) -> bool:
        """Whether every seat is taken."""
        return len(self.taken()) == len(self._seats)

    def of(self, serial: int) -> Seat | None:
        """Return the seat that a host process occupies, is about to, or is leaving."""
        return next((seat for seat in self._seats.values() if seat.occupant == serial), None)

    def number(self, number: int) -> Seat | None:
        return self._seats.get(number)

    def assign(self, seat: Seat, serial: int) -> int:
        """Give a vacant seat to a host process; return the epoch it sits under."""
        assert seat.state is SeatState.VACANT
        self._epoch += 1
        seat.epoch, seat.state, seat.occupant = self._epoch, SeatState.ASSIGNED, serial
        return seat.epoch

    def confirm(self, number: int, epoch: int, serial: int) -> bool:
        """The occupant has taken the seat; return False for a confirmation that came too late."""
        seat = self._seats.get(number)
        if seat is None or seat.state is not SeatState.ASSIGNED:
            return False
        if seat.epoch != epoch or seat.occupant != serial:
            return False
        seat.state = SeatState.TAKEN
        self.version += 1
        return True

    def release(self, occupants: Container[int]) -> list[Seat]:
        """Ask the seats of these host processes back; return them. One new version for all."""
        leaving = [seat for seat in self.taken() if seat.occupant in occupants]
        if leaving:
            self.version += 1
        for seat in leaving:
            seat.state, seat.released = SeatState.LEAVING, self.version
        return leaving

    def vacate(self, serial: int) -> Seat | None:
        """The occupant has released the seat, or has died; return the seat."""
        seat = self.of(serial)
        if seat is None:
            return None
        if seat.state is SeatState.TAKEN:
            self.version += 1
        seat.state, seat.occupant = SeatState.VACANT, None
        return seat

    def resize(self, count: int) -> None:
        """Change the number of seats; only while all of them are vacant."""
        assert len(self.vacant()) == len(self._seats)
        self._seats = {number: Seat(number) for number in range(1, count + 1)}
        self.version += 1
