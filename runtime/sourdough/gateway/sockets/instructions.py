"""What hosts say about a gateway's sockets, and what follows from it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sourdough.gateway.sockets.connection import DROPPED
from sourdough.gateway.sockets.frames import message_frame
from sourdough.gateway.sockets.held import DISMISSED, HeldSocket
from sourdough.gateway.sockets.plain import PlainSocket
from sourdough.gateway.sockets.socket import Socket
from sourdough.wire.sockets import (
    Attach,
    Barrier,
    Bind,
    Broadcast,
    CloseAll,
    CloseSocket,
    Passed,
    Post,
    Reported,
    Settings,
    SocketMessage,
    Taken,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from sourdough.clock import Clock
    from sourdough.gateway.sockets.courier import Courier
    from sourdough.gateway.sockets.roster import Roster
    from sourdough.transport.link import Link


class Instructions:
    """Takes the messages of all links; about a socket that is gone, they are ignored."""

    def __init__(self, *, clock: Clock, roster: Roster, courier: Courier) -> None:
        self._clock = clock
        self._roster = roster
        self._courier = courier
        self._accepted = 0
        self._takes: dict[type[SocketMessage], Callable[[Link, Any], None]] = {
            Bind: self._bind,
            Post: self._post,
            Broadcast: self._broadcast,
            CloseSocket: self._close,
            CloseAll: self._close_all,
            Attach: self._attach,
            Taken: self._taken,
            Reported: self._reported,
            Barrier: lambda link, barrier: link.tell(Passed(barrier.number)),
            Settings: lambda _link, settings: self._roster.put(settings),
        }

    def take(self, link: Link, message: SocketMessage) -> None:
        """Do what a host says."""
        takes = self._takes.get(type(message))
        if takes is not None:
            takes(link, message)

    # --- who has a client

    def _bind(self, link: Link, bind: Bind) -> None:
        roster = self._roster
        socket = roster.by_number.get(bind.socket)
        if socket is not None and socket.bound is not None:
            return
        if bind.hibernates:
            self._accepted = max(self._accepted + 1, int(self._clock.now() * 1e9))
            held = HeldSocket(self._courier, socket, bind, self._accepted)
            roster.hold(held)
            roster.ledger.bind(held.to_held())
            if socket is None:
                held.ended(DROPPED)  # the client has left (W1)
            else:
                socket.bind(held)
        elif socket is not None:
            plain = PlainSocket(socket, link, roster.forget_plain)
            roster.attach(plain)
            socket.bind(plain)
        else:
            gone = Socket(bind.socket, _NO_REQUEST, roster.forget)
            PlainSocket(gone, link, roster.forget_plain).ended(DROPPED)

    def _attach(self, link: Link, attach: Attach) -> None:
        held = self._roster.held(attach.socket)
        if held is not None:
            held.attachment = attach.attachment
            self._roster.ledger.attach(held.number, held.attachment)

    # --- what clients are told

    def _post(self, link: Link, post: Post) -> None:
        found = (self._roster.by_number.get(number) for number in post.sockets)
        self._say((socket for socket in found if socket is not None), post.data, post.text)

    def _broadcast(self, link: Link, broadcast: Broadcast) -> None:
        tag, exclude = broadcast.tag, frozenset(broadcast.exclude)
        chosen = (
            held.socket
            for held in self._roster.held_of(broadcast.key)
            if held.socket is not None
            and (tag is None or tag in held.tags)
            and held.number not in exclude
            and not held.closing
        )
        self._say(chosen, broadcast.data, broadcast.text)

    def _say(self, sockets: Iterable[Socket], data: bytes, text: bool) -> None:
        frame = message_frame(data, text)  # once for all: it is the same for each
        for socket in sockets:
            socket.say(frame, data, text)

    def _close(self, link: Link, close: CloseSocket) -> None:
        socket = self._roster.by_number.get(close.socket)
        if socket is None:
            return
        if isinstance(socket.bound, HeldSocket):
            socket.bound.closing = True
        socket.close(close.code, close.reason)

    def _close_all(self, link: Link, close: CloseAll) -> None:
        for held in self._roster.held_of(close.key):
            socket, held.socket = held.socket, None
            self._courier.dismiss(held)
            self._roster.forget_held(held)
            if socket is not None:
                socket.bound = DISMISSED
                socket.close(close.code, close.reason)

    # --- what became of what clients said

    def _taken(self, link: Link, taken: Taken) -> None:
        socket = self._roster.by_number.get(taken.socket)
        if socket is not None and isinstance(socket.bound, PlainSocket):
            socket.bound.taken(taken.count)

    def _reported(self, link: Link, reported: Reported) -> None:
        for held in self._roster.held_of(reported.key):
            self._courier.reported(held)


class _NoRequest:
    """The request of a client that has left."""

    def proceed(self) -> None:
        """Nobody reads it."""

    def give_up(self, sentence: str) -> None:
        """Nobody reads it."""


_NO_REQUEST = _NoRequest()
