"""Takes the events of hibernating sockets to their objects, one at a time for each (W3, W5)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sourdough.gateway.sockets.delivery import Delivery
from sourdough.gateway.sockets.event_queue import End
from sourdough.placement import slot_of_key
from sourdough.wire import close_codes
from sourdough.wire.frames import INLINE_BODY, ResetCode
from sourdough.wire.sockets import AnsweredBySelf, Doubt, Opened

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

    from sourdough.clock import Clock
    from sourdough.gateway.sockets.answers import ObjectSettings
    from sourdough.gateway.sockets.event_queue import Said
    from sourdough.gateway.sockets.held import HeldSocket
    from sourdough.gateway.sockets.ledger import Ledger
    from sourdough.transport.link import Link
    from sourdough.transport.peers import Peers

NO_HOST = End(close_codes.TRY_LATER, "no host took a message in time")
TOO_MUCH = End(close_codes.TRY_LATER, "too many messages wait for their objects")

_HEEDED = (ResetCode.FAILED, ResetCode.CANCELLED)


class Courier:
    """The events of all hibernating sockets of a gateway."""

    def __init__(
        self,
        *,
        loop: asyncio.AbstractEventLoop,
        clock: Clock,
        peers: Peers,
        ledger: Ledger,
        settings: ObjectSettings,
        kept_limit: int,
        forget: Callable[[HeldSocket], None],
    ) -> None:
        """settings: of all objects. forget: called when a socket's end is told."""
        self._loop = loop
        self._clock = clock
        self._peers = peers
        self._ledger = ledger
        self._settings = settings
        self._forget = forget
        self._refused: dict[HeldSocket, None] = {}
        self._untold: dict[bytes, dict[int, int]] = {}
        self._telling = False
        self.kept_limit = kept_limit
        """Bytes of messages that may wait."""
        self.kept = 0
        """Bytes of all messages that wait for their objects."""
        self.stopped = False

    @property
    def crowded(self) -> bool:
        """So much waits in all that each client may have only little of it."""
        return self.kept > self.kept_limit // 2

    # --- the client speaks

    def opened(self, held: HeldSocket) -> None:
        """A handshake is complete."""
        link = self._peers.link_of(slot_of_key(held.key))
        if link is not None:
            link.tell(Opened(held.number, held.protocol, held.extensions))
        if held.protocol or held.extensions:
            self._ledger.bind(held.to_held())

    def received(self, held: HeldSocket, said: Said) -> None:
        """Answer a message, or pass it on to the object; ignored behind the end."""
        if held.queue.ended:
            return
        if said.text and not held.closing and self._answered(held, said.data):
            return
        if self.kept + len(said.data) > self.kept_limit:
            self._close(held, TOO_MUCH)
            return
        self.kept += len(said.data)
        held.queue.say(said)
        self._go_on(held)

    def ended(self, held: HeldSocket, end: End) -> None:
        """Tell the object, behind all messages; only the first end counts."""
        if held.queue.ended:
            return
        held.closing = True
        held.socket = None
        held.queue.end(end)
        self._go_on(held)

    def _answered(self, held: HeldSocket, data: bytes) -> bool:
        answer = self._settings.answer(held.key)
        if answer is None or answer.request != data or held.socket is None:
            return False
        held.socket.say(answer.frame, answer.data, True)
        held.answered = int(self._clock.now() * 1000)
        self._untold.setdefault(held.key, {})[held.number] = held.answered
        if not self._telling:
            self._telling = True
            self._loop.call_soon(self.tell_answers)
        return True

    def tell_answers(self) -> None:
        """Tell hosts when automatic answers were given; once for all of a turn of the loop."""
        self._telling = False
        if not self._untold:
            return
        untold, self._untold = self._untold, {}
        by_link: dict[Link, list[tuple[int, int]]] = {}
        for key, times in untold.items():
            link = self._peers.link_of(slot_of_key(key))
            if link is not None:  # else the next owner hears of it in the mirror
                by_link.setdefault(link, []).extend(times.items())
        for link, told in by_link.items():
            link.tell(AnsweredBySelf(tuple(told)))

    # --- on the way

    def _go_on(self, held: HeldSocket) -> None:
        event = held.queue.next()
        if event is not None and not self.stopped:
            held.delivery = delivery = Delivery(self, held, event)
            self._peers.send(delivery)

    def heeded(self, held: HeldSocket) -> None:
        """The event under way has been acknowledged."""
        before = held.queue.size
        held.queue.heeded()
        self._done(held, before)

    def failed(self, held: HeldSocket, code: ResetCode) -> None:
        """The event under way has no answer."""
        if self.stopped:
            return
        queue, before = held.queue, held.queue.size
        if code in _HEEDED:
            queue.heeded()
        elif code == ResetCode.LOST:
            said = queue.lost()
            if said is not None:
                self._doubt(held, said)
        elif isinstance(queue.under_way, End):
            # Nobody has heard of the end yet, and somebody must.
            queue.unsent()
            held.delivery = None
            self._refused[held] = None
            return
        else:
            self._close(held, NO_HOST)
            queue.drop()
            queue.unsent()
        self._done(held, before)

    def _done(self, held: HeldSocket, before: int) -> None:
        self.kept -= before - held.queue.size
        held.delivery = None
        if held.queue.over:
            self.reported(held)
            self._forget(held)
            return
        self._go_on(held)
        if held.socket is not None:
            held.socket.settle()

    def _doubt(self, held: HeldSocket, said: Said) -> None:
        """A message was delivered, and perhaps not handled; kept if it is small (W3)."""
        self.reported(held)
        small = len(said.data) <= INLINE_BODY and self.kept + len(said.data) <= self.kept_limit
        held.doubt = Doubt(said.data if small else None, said.text)
        self.kept += len(held.doubt.data or b"")

    def reported(self, held: HeldSocket) -> None:
        """The object knows which message was in doubt."""
        if held.doubt is not None:
            self.kept -= len(held.doubt.data or b"")
            held.doubt = None

    def _close(self, held: HeldSocket, end: End) -> None:
        """Give a client up whose messages cannot be kept; what waits already is still told."""
        socket = held.socket
        if socket is not None and socket.connection is not None:
            socket.connection.give_up(end)  # which ends in `ended`
        else:
            self.ended(held, end)

    def dismiss(self, held: HeldSocket) -> None:
        """The object wants to hear no more of a socket."""
        self._refused.pop(held, None)
        self.reported(held)
        self.kept -= held.queue.size
        held.queue.dismiss()
        if held.delivery is not None:
            held.delivery.cancel()
            held.delivery = None

    def retry(self) -> None:
        """Try again to tell of ends that no host took; called once a second."""
        refused, self._refused = self._refused, {}
        for held in refused:
            self._go_on(held)
