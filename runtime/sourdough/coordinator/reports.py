"""What children report, each to its place: the log, the catalogue, whoever waits for an answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from sourdough.observe.records import AnyRecord, DrainWaiting, Dropped
from sourdough.wire.messages import (
    AlarmEnded,
    AlarmSet,
    Answer,
    ClockMoved,
    Drained,
    Forgotten,
    Known,
    Lines,
    Released,
    ScheduledEnded,
    Waiting,
)  # fmt: skip

if TYPE_CHECKING:
    from collections.abc import Callable

    from sourdough.clock import Clock
    from sourdough.coordinator.ledger import Ledger
    from sourdough.coordinator.seats import Seats
    from sourdough.coordinator.worker import Worker


class Reports:
    """Takes every message of a child that is not about its own life."""

    def __init__(
        self,
        *,
        seats: Callable[[], Seats],
        ledger: Ledger,
        clock: Clock,
        record: Callable[[AnyRecord], None],
        finished: Callable[[Worker, Drained | Released], None],
        clock_moved: Callable[[Worker, ClockMoved], None],
    ) -> None:
        self._seats = seats
        self._ledger = ledger
        self._clock = clock
        self._record = record
        self._finished = finished
        self._clock_moved = clock_moved
        self._decoder = msgspec.msgpack.Decoder(AnyRecord)

    def take(self, worker: Worker, message: Any) -> None:
        """Take one message."""
        match message:
            case Lines():
                self._lines(worker, message)
            case Known() | Forgotten():
                self._ledger.bookkeeping.take(message)
            case AlarmSet() | AlarmEnded():
                self._ledger.alarms.take(worker, message)
            case ScheduledEnded():
                self._ledger.crons.take(message)
            case Answer():
                self._ledger.questions.answered(message)
            case ClockMoved():
                self._clock_moved(worker, message)
            case Drained() | Released():
                self._finished(worker, message)
            case Waiting():
                self._waiting(message)
            case _:
                raise TypeError(f"nobody takes {type(message).__name__}")

    def _lines(self, worker: Worker, message: Lines) -> None:
        seat = self._seats().of(worker.serial)
        for data in message.records:
            record = self._decoder.decode(data)
            if seat is not None and hasattr(record, "host"):
                record = msgspec.structs.replace(record, host=seat.number)
            self._record(record)
        if message.dropped:
            self._record(Dropped(ts=self._clock.now(), count=message.dropped))

    def _waiting(self, message: Waiting) -> None:
        self._record(
            DrainWaiting(
                ts=self._clock.now(),
                object=message.object,
                what=message.what,
                seconds=message.seconds,
                place=message.place,
            )
        )
