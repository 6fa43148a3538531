"""Keeps objects that end their hosts out of the next ones (design section 6).

Blame follows the breadcrumb of a host that ended by itself or hung. A host that somebody else ended
(SIGKILL from outside, also that of a system without memory) or whose disk failed blames nobody.
Hosts refuse the events; they are told before they get a seat, so nothing slips in between.
"""

from __future__ import annotations

import signal
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sourdough.observe.records import ObjectQuarantined, QuarantineLifted, Record
from sourdough.observe.status import QuarantinedStatus, State
from sourdough.policy.quarantine import QuarantineBook
from sourdough.policy.restart import describe_exit
from sourdough.wire.messages import Quarantine, QuarantinedObject

if TYPE_CHECKING:
    from collections.abc import Callable

    from sourdough.clock import Clock
    from sourdough.coordinator.supervisor import Supervisor
    from sourdough.coordinator.worker import Worker
    from sourdough.observe.breadcrumb import Crumb

Key = tuple[str, bytes]

# What a person or the system sends; an object's own crash comes with other signals.
_FROM_OUTSIDE = frozenset(
    -number for number in (signal.SIGKILL, signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Held:
    """A quarantined object: what people are told, what hosts are told."""

    label: str
    told: QuarantinedObject


class Quarantines:
    """All quarantines of a server."""

    def __init__(
        self, *, supervisor: Supervisor, clock: Clock, record: Callable[[Record], None]
    ) -> None:
        self._supervisor = supervisor
        self._clock = clock
        self._record = record
        self._book = QuarantineBook()
        self._held: dict[Key, _Held] = {}

    def host_ended(self, worker: Worker, code: int, crumb: Crumb | None) -> None:
        """A host ended unasked, while it ran an object."""
        outside = code in _FROM_OUTSIDE and not worker.hung
        if crumb is None or outside or worker.blameless:
            return
        seconds = self._book.crashed(crumb.key, self._clock.monotonic())
        if seconds is None:
            return
        how = "it did not answer" if worker.hung else describe_exit(code)
        reason = f"{crumb.label} is in quarantine: hosts ended while they ran it, at last by {how}"
        self._held[crumb.key] = _Held(
            label=crumb.label,
            told=QuarantinedObject(
                crumb.storage_name, crumb.id, self._clock.now() + seconds, reason
            ),
        )
        self._record(
            ObjectQuarantined(ts=self._clock.now(), object=crumb.label, seconds=seconds, reason=how)
        )
        self._publish()

    def greet(self, worker: Worker) -> None:
        """Tell a host that has become ready, before it gets a seat."""
        if self._held:
            worker.send(self._message())

    def tick(self) -> None:
        """End what is over; called once a second or so."""
        if self._held:
            self._lifted(self._book.over(self._clock.monotonic()), "its time is over")

    def code_changed(self) -> None:
        """New code is loaded, which may be better."""
        self._lifted(self._book.lift_all(), "there is new code")

    def lift(self, key: Key) -> bool:
        """End one because somebody says so; return whether there was one."""
        found = self._book.lift(key)
        if found:
            self._lifted([key], "somebody lifted it")
        return found

    def of(self, key: Key) -> QuarantinedStatus | None:
        """Return the quarantine of an object."""
        held = self._held.get(key)
        return None if held is None else _status(held)

    def statuses(self) -> tuple[QuarantinedStatus, ...]:
        """Return all of them, those that end first at the front."""
        found = [_status(each) for each in self._held.values()]
        return tuple(sorted(found, key=lambda each: each.until))

    def _lifted(self, keys: list[Key], why: str) -> None:
        for key in keys:
            held = self._held.pop(key)
            self._record(QuarantineLifted(ts=self._clock.now(), object=held.label, reason=why))
        if keys:
            self._publish()

    def _publish(self) -> None:
        message = self._message()
        for worker in self._supervisor.hosts:
            if worker.state not in {State.STARTING, State.STOPPED}:
                worker.send(message)

    def _message(self) -> Quarantine:
        return Quarantine(objects=tuple(each.told for each in self._held.values()))


def _status(held: _Held) -> QuarantinedStatus:
    told = held.told
    return QuarantinedStatus(
        object=held.label,
        storage_name=told.storage,
        id=told.id.hex(),
        until=told.until,
        reason=told.reason,
    )
