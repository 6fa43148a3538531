"""An event on its way to the host that owns it: what `Peers` sends, keeps and sends again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sourdough.transport.stream import Stream
from sourdough.wire.frames import ResetCode

if TYPE_CHECKING:
    from sourdough.transport.link import Link
    from sourdough.transport.peers import Peers

ENTRY = -1
"""The slot of events for the entrypoint: none."""


class Outgoing(Stream):
    """An event on its way to its owner. Subclasses say what it is and what the answer does.

    slot: where it goes, ENTRY for the entrypoint. version: of the table when its root began; 0
    until it is first sent. epoch: of the owner it was sent to last. `encode` may be called again,
    because a refused event is sent again whole.
    """

    __slots__ = (
        "body_follows", "epoch", "parked_at", "peers", "refused_by", "slot", "version", "via",
    )  # fmt: skip

    # A body flows only after the host has accepted the event (invariant D2).
    initial_credit = 0
    # Whether the bound on parked events holds for it; else somebody else bounds them.
    counted = True

    def __init__(self, slot: int, body_follows: bool, version: int = 0) -> None:
        Stream.__init__(self)
        self.slot = slot
        self.version = version
        self.epoch = 0
        self.body_follows = body_follows
        self.parked_at = 0.0
        self.peers: Peers | None = None
        # For the entrypoint, which any host may run: where it was sent last, and who refused it.
        self.via: Link | None = None
        self.refused_by: tuple[Link | None, ...] = ()

    def encode(self) -> bytes:
        """Return the payload of its HEAD frame, for `version` and `epoch` as they are now."""
        raise NotImplementedError

    def on_failed(self, code: ResetCode, sentence: str) -> None:
        """The event has no answer; `code` says why."""
        raise NotImplementedError

    def on_reset(self, code: int, sentence: str) -> None:
        if code == ResetCode.NOT_OWNER and self.peers is not None:
            self.peers.refused(self)
        else:
            self.on_failed(ResetCode(code), sentence)

    def on_lost(self, delivered: bool) -> None:
        if not delivered and self.peers is not None:
            self.peers.send(self)
        else:
            self.on_failed(ResetCode.LOST, "the host ended while it worked on this")

    def cancel(self) -> None:
        """The caller has left: end the body streams, not the object's work (invariant D7)."""
        if self.link is not None:
            self.reset(ResetCode.CANCELLED)
        elif self.peers is not None:
            self.peers.unpark(self)
