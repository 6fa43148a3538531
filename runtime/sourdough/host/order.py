"""The calls of one stub arrive in the order in which they were made (invariant D4, semantics 2.10).

One link keeps its own order. Over a change of owner it takes care: while calls sent to the former
owner are unanswered, nothing more is sent; what it refused goes to the next owner first, in order.

    send --> sent to the owner --answered--> gone
      |            `--refused--> held, in order --(nothing is out any more)--> sent to the next
      `--(the owner has changed while calls are out)--> held
"""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING

from sourdough.transport.outgoing import Outgoing

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

    from sourdough.objects.chain import Chain
    from sourdough.objects.event import Event
    from sourdough.transport.peers import Peers


class OrderedCall(Outgoing):
    """A call that has its place among those of its stub."""

    __slots__ = ("place",)

    def __init__(self, slot: int, body_follows: bool, version: int) -> None:
        super().__init__(slot, body_follows, version)
        self.place = 0

    def broken(self, error: BaseException) -> None:
        """The stub is broken, and this call was not delivered: it never will be."""
        raise NotImplementedError


class Order:
    """The order of one stub's calls."""

    __slots__ = (
        "_going", "_held", "_out", "_peers", "_place", "_refused", "at_gate", "broken", "taker",
    )  # fmt: skip

    def __init__(self, peers: Peers) -> None:
        self._peers = peers
        # The newest call that has not passed the caller's output gate; those made after it wait for
        # it, although what they depend on may be durable already.
        self.at_gate: asyncio.Future[None] | None = None
        self._place = 0
        self._out: dict[int, OrderedCall] = {}
        self._held: dict[int, OrderedCall] = {}
        self._refused = False
        self._going = False
        self.broken: BaseException | None = None
        """What has ended the connection to the instance, for good (semantics 2.11)."""
        self.taker: Callable[[Event, Chain | None], None] | None = None
        """Takes the events of this stub, which is for a facet: they never leave the process."""

    @property
    def idle(self) -> bool:
        """Whether no call is out or held, so that the next may go any way."""
        return not self._out and not self._held

    def send(self, call: OrderedCall) -> None:
        """Send a call, or hold it until it may go."""
        self._place += 1
        call.place = self._place
        if self._held or self._has_moved(call.slot):
            self._held[call.place] = call
        else:
            self._out[call.place] = call
            self._peers.send(call)

    def answered(self, call: OrderedCall) -> None:
        """A call has its answer, or never will: it is gone. More than once is fine."""
        self._held.pop(call.place, None)
        if self._out.pop(call.place, None) is not None:
            self._go_on()

    def refused(self, call: OrderedCall) -> None:
        """The former owner refused a call: it goes to the next, before those made after it."""
        if self._out.pop(call.place, None) is not None:
            self._held[call.place] = call
            self._refused = True
            self._go_on()

    def break_(self, error: BaseException) -> None:
        """The instance is gone, or the way to it: what was not delivered fails with that error.

        Calls that are out on a link still have an answer to come.
        """
        if self.broken is not None:
            return
        self.broken = error
        undelivered = {
            **self._held,
            **{place: call for place, call in self._out.items() if call.link is None},
        }
        for place, call in sorted(undelivered.items()):
            self._held.pop(place, None)
            self._out.pop(place, None)
            call.broken(error)

    def check(self) -> None:
        """Raise what has broken the stub, a new exception each time."""
        if self.broken is not None:
            raise copy.copy(self.broken)

    def _has_moved(self, slot: int) -> bool:
        """Whether calls are out to an owner that is not the present one."""
        first = next(iter(self._out.values()), None)
        return first is not None and first.epoch != self._peers.epoch_of(slot)

    def _go_on(self) -> None:
        if self._out or not self._held or self._going:
            return
        self._held = dict(sorted(self._held.items()))
        if self._refused:
            self._return_all()
            return
        self._going = True  # a call that ends while it is sent must not send the others, in here
        try:
            while self._held and not self._send_held():
                pass
        finally:
            self._going = False

    def _send_held(self) -> bool:
        """Send what may go now; return whether the rest has to wait.

        What began before a seat was asked back goes to the host that leaves it, what began later
        to the next: whichever comes first of these, the others wait for its end as for any change.
        """
        for place, call in list(self._held.items()):
            if self._has_moved(call.slot):
                return True
            if self._held.pop(place, None) is not None:
                self._out[place] = call
                self._peers.send(call)
        return False

    def _return_all(self) -> None:
        """None of them may overtake the refused one, which waits for a newer table."""
        held, self._held, self._refused = self._held, {}, False
        self._out = dict(held)
        epoch = max(call.epoch for call in held.values())
        for call in held.values():
            call.epoch = epoch
            self._peers.refused(call)
