"""One end of a WebSocket.

    raw --accept()--------------------> accepted ---.
     | `--ctx.accept_web_socket(ws)---> hibernates --+--> closed
     `----Response(web_socket=ws)-----> answers (its other end talks to whoever gets the response)

raw: an end of a `WebSocketPair`, or what a `stub.fetch` has returned. What is sent on an accepted
end waits until there is a line: until the response with the other end has left, or that end is
accepted in this process. Its owner's output gate comes before the line (semantics 7.14).

There is one Python object for a socket and an instance of its object.
"""

from __future__ import annotations

import asyncio
import weakref
from contextvars import Context
from enum import Enum
from typing import TYPE_CHECKING, Any, ClassVar, Literal, overload

from sourdough.errors import WebSocketClosedError, WebSocketError
from sourdough.sockets.events import CloseEvent
from sourdough.sockets.inbox import Inbox
from sourdough.sockets.limits import checked_close, from_payload, to_attachment, to_payload
from sourdough.sockets.line import Pipe, deliver_soon
from sourdough.sockets.owner import NOBODY, Owner, owner_of_running_code
from sourdough.sockets.unsent import Unsent
from sourdough.values import decode
from sourdough.wire import close_codes
from sourdough.wire.sockets import Closed, Message, Opened

if TYPE_CHECKING:
    from collections.abc import Callable

    from sourdough.sockets.events import ErrorEvent, MessageEvent
    from sourdough.sockets.line import Line
    from sourdough.wire.sockets import SocketMessage

CONNECTING, OPEN, CLOSING, CLOSED = range(4)
_NOT_READ = (close_codes.TRY_LATER, "nobody reads what is sent")

_GONE = (close_codes.ABNORMAL, close_codes.ABNORMAL_REASON)

NOT_ACCEPTED = (
    "You must call one of accept() or ctx.accept_web_socket() on this WebSocket before sending"
    " messages."
)


class Use(Enum):
    """What an end was taken for."""

    RAW = "raw"
    ACCEPTED = "accepted"
    HIBERNATES = "hibernates"
    ANSWERS = "answers"


class WebSocket:
    """One end of a WebSocket. `send` and `close` never wait, and take effect in order."""

    CONNECTING: ClassVar[int] = CONNECTING
    OPEN: ClassVar[int] = OPEN
    CLOSING: ClassVar[int] = CLOSING
    CLOSED: ClassVar[int] = CLOSED

    __slots__ = (
        "__weakref__", "_inbox", "_line", "_peer", "_peer_unused", "_ready_state", "_said_close",
        "_unsent", "attachment", "extensions", "number", "order", "owner", "protocol", "tags",
        "url", "use",
    )  # fmt: skip

    def __init__(self) -> None:
        self.use = Use.RAW
        self.owner: Owner = NOBODY
        self.url = ""
        self.protocol = ""
        self.extensions = ""
        self.tags: tuple[str, ...] = ()
        self.attachment: bytes | None = None
        """As it is kept: bytes until somebody asks for it."""
        self.number = 0
        """By which its gateway knows it; 0 until it is bound to one."""
        self.order = 0
        """Rises with each hibernating socket of an object (semantics 7.3)."""
        self._ready_state = OPEN
        self._said_close = False
        self._inbox: Inbox | None = None
        self._line: Line | None = None
        self._unsent: Unsent | None = None
        self._peer: WebSocket | None = None
        self._peer_unused: weakref.ref[WebSocket] | None = None

    # --- for everybody

    @property
    def ready_state(self) -> int:
        """CONNECTING, OPEN, CLOSING (this side has called `close`) or CLOSED."""
        return self._ready_state

    def accept(self) -> None:
        """Take this end: it listens, sends, and keeps its object in memory (semantics 7.1).

        Raises RuntimeError for a socket that hibernates or was used in a Response.
        """
        if self.use is Use.ACCEPTED:
            return
        if self.use is Use.HIBERNATES:
            raise RuntimeError("Can't accept() WebSocket after enabling hibernation.")
        if self.use is Use.ANSWERS:
            raise RuntimeError("Can't accept() WebSocket that was already used in a response.")
        self.take(Use.ACCEPTED, owner_of_running_code())
        self.owner.took(self)
        peer = self.peer
        if peer is not None and peer.ready_state == CLOSED:  # it has ended before this one began
            deliver_soon(self, Closed(0, *_GONE, clean=False))
        elif peer is not None and peer.use is Use.ACCEPTED:
            self.couple(Pipe(self, peer))
            peer.couple(Pipe(peer, self))
        elif peer is not None and peer.use is Use.HIBERNATES:
            peer.owner.coupled(peer, self)

    def send(self, data: str | bytes | bytearray | memoryview) -> None:
        """Send a message: text for str, else binary; the data is copied now.

        Dropped when the other side is gone. Raises TypeError after `close()`, and for an end that
        was not accepted (semantics 7.12).
        """
        payload, text = to_payload(data)
        if self._said_close and self._ready_state != CLOSED:
            raise TypeError("Can't call WebSocket send() after close().")
        if self._ready_state == CLOSED:
            return
        self._check_accepted()
        self.owner.moved(self)
        self._say(lambda line: line.post(payload, text), len(payload))

    def close(self, code: int | None = None, reason: str | None = None) -> None:
        """Begin the close handshake; a second call does nothing.

        Raises ValueError for a code outside of 1000-4999, a reserved one, or a reason of more than
        123 bytes; TypeError for a reason without a code (semantics 7.13).
        """
        number, text = checked_close(code, reason)
        if self._said_close or self._ready_state == CLOSED:
            return
        self._check_accepted()
        self._said_close = True
        self._ready_state = CLOSING
        self._say(lambda line: line.close(number, text))

    def serialize_attachment(self, value: Any) -> None:
        """Keep a copy of a value with the socket, over hibernation and hosts (semantics 7.5).

        Raises TypeError for what cannot be stored, ValueError above 16,384 bytes.
        """
        attachment = to_attachment(value)
        if self.use is Use.HIBERNATES and self._ready_state != CLOSED:
            self._say(lambda line: line.attach(attachment))
        self.attachment = attachment

    def deserialize_attachment(self) -> Any:
        """Return a copy of what was attached last, None where nothing was."""
        return None if self.attachment is None else decode(self.attachment)

    @overload
    def add_event_listener(
        self, kind: Literal["message"], listener: Callable[[MessageEvent], Any]
    ) -> None: ...
    @overload
    def add_event_listener(
        self, kind: Literal["close"], listener: Callable[[CloseEvent], Any]
    ) -> None: ...
    @overload
    def add_event_listener(
        self, kind: Literal["error"], listener: Callable[[ErrorEvent], Any]
    ) -> None: ...
    def add_event_listener(self, kind: str, listener: Callable[[Any], Any]) -> None:
        """Call a function, sync or async, for each "message", at the "close", at an "error".

        Messages wait until the socket is accepted and there is a listener.
        """
        self.inbox.listen(kind, listener)

    def remove_event_listener(self, kind: str, listener: Callable[[Any], Any]) -> None:
        """Call it no more; does nothing where it was not called."""
        self.inbox.unlisten(kind, listener)

    async def receive(self) -> str | bytes:
        """Return the next message.

        Raises WebSocketClosedError at the socket's end, RuntimeError where messages go to
        listeners or to the handlers of the class.
        """
        self._check_readable()
        return await self.inbox.read()

    def __aiter__(self) -> WebSocket:
        """Return the messages; ends with the socket."""
        self._check_readable()
        return self

    async def __anext__(self) -> str | bytes:
        try:
            return await self.inbox.read()
        except WebSocketClosedError:
            raise StopAsyncIteration from None

    async def wait_closed(self) -> CloseEvent:
        """Return how the socket ended, when it has."""
        self._check_readable()
        return await self.inbox.ended()

    def __repr__(self) -> str:
        state = ("CONNECTING", "OPEN", "CLOSING", "CLOSED")[self._ready_state]
        return f"<WebSocket {state}{f' {self.url}' if self.url else ''}>"

    # --- for the runtime

    @property
    def peer(self) -> WebSocket | None:
        """The other end, while both are in this process."""
        if self._peer is None and self._peer_unused is not None:
            return self._peer_unused()
        return self._peer

    @property
    def inbox(self) -> Inbox:
        """What has come and was not taken."""
        if self._inbox is None:
            self._inbox = Inbox(self.owner, self._give_back)
        return self._inbox

    @property
    def connected(self) -> bool:
        """Whether there is a line."""
        return self._line is not None

    @property
    def said_close(self) -> bool:
        """Whether this side has closed."""
        return self._said_close

    def pair_with(self, peer: WebSocket) -> None:
        """Know the other end of a pair."""
        self._peer = peer

    def take(self, use: Use, owner: Owner) -> None:
        """Be used from now on. An accepted end notices when nobody has its raw other end any more."""
        self.use = use
        self.owner = owner
        if self._inbox is not None:
            self._inbox.owner = owner
        peer = self._peer
        if peer is not None and peer.use is Use.RAW:
            self._peer_unused = weakref.ref(peer, self._peer_dropped)
            self._peer = None

    def answer(self) -> WebSocket:
        """Be used in a response that leaves; return the other end.

        Raises TypeError for an end that was used already.
        """
        check_answers(self)
        peer = self.peer
        assert peer is not None  # this end, which is raw, keeps it
        self.use = Use.ANSWERS
        peer._peer_unused = peer._peer = self._peer = None  # noqa: SLF001 (the other end of this pair)
        return peer

    def couple(self, line: Line) -> None:
        """There is a line: what was said so far leaves, what is said from now on takes it."""
        peer = self.peer
        self._peer, self._peer_unused = peer, None
        self._line = line
        unsent, self._unsent = self._unsent, None
        if unsent is not None:
            unsent.leave(line)

    def restore(self, line: Line, *, closing: bool) -> None:
        """Be a hibernating socket that an earlier instance had accepted."""
        self.use = Use.HIBERNATES
        self._line = line
        self._said_close = closing
        self._ready_state = CLOSING if closing else OPEN

    def say(self, what: Callable[[Line], None], size: int = 0) -> None:
        """Say something now; it has passed the output gate. size: of a message."""
        if self._line is not None:
            what(self._line)
            return
        unsent = self._unsent = self._unsent or Unsent()
        if not unsent.add(what, size):
            self._unsent = None
            self._break(*_NOT_READ)

    def deliver(self, message: SocketMessage) -> None:
        """Take what comes on a socket that does not hibernate: Message, Closed, Opened."""
        if self._ready_state == CLOSED:
            return
        if isinstance(message, Message):
            if self.inbox.full:
                self.end(*_NOT_READ)
                return
            self.owner.moved(self)
            self.inbox.message(from_payload(message.data, message.text))
        elif isinstance(message, Opened):
            self.protocol, self.extensions = message.protocol, message.extensions
            self._ready_state = max(self._ready_state, OPEN)
        elif isinstance(message, Closed):
            self.gone()
            error = None if message.error is None else WebSocketError(message.error)
            end = CloseEvent(code=message.code, reason=message.reason, was_clean=message.clean)
            self.inbox.close(end, error)
            self.owner.lost(self)

    def end(self, code: int, reason: str) -> None:
        """Close it for its owner, who hears of it; the other side is told."""
        if self._ready_state != CLOSED:
            line = self._line
            self.deliver(Closed(self.number, code, reason, clean=False))
            if line is not None:
                line.close(code, reason)

    def abandon(self, code: int, reason: str) -> None:
        """Its owner is gone: the other side is told, nobody hears of it here."""
        line = self._line
        self.gone()
        if line is not None:
            line.close(code, reason)

    def gone(self) -> None:
        """The socket has ended: what is said from now on is dropped."""
        self._ready_state = CLOSED
        self._line = None
        self._unsent = None
        self._peer = self._peer_unused = None

    # --- inside

    def _say(self, what: Callable[[Line], None], size: int = 0) -> None:
        self.owner.post(lambda: self._leave(what, size))

    def _leave(self, what: Callable[[Line], None], size: int) -> None:
        if self._ready_state != CLOSED:
            self.say(what, size)

    def _give_back(self, count: int) -> None:
        if self._line is not None:
            self._line.taken(count)

    def _check_accepted(self) -> None:
        if self.use in {Use.RAW, Use.ANSWERS}:
            raise TypeError(NOT_ACCEPTED)

    def _check_readable(self) -> None:
        if self.use is Use.HIBERNATES:
            raise RuntimeError("a hibernating WebSocket is heard by the handlers of its class")
        if self.use is not Use.ACCEPTED:
            raise RuntimeError("You must call accept() on this WebSocket before reading messages.")

    def _peer_dropped(self, _: weakref.ref[WebSocket]) -> None:
        # Wherever the collector happens to run: later, on behalf of nobody.
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            return
        loop.call_soon(self.forsaken, context=Context())

    def forsaken(self) -> None:
        """Nobody will ever talk on the other end: it ends like a connection that broke."""
        if self._line is None and self._ready_state != CLOSED:
            self._break(*_GONE)

    def _break(self, code: int, reason: str) -> None:
        """End it before there is a line; the handlers of the class are told 1006 (semantics 7.10)."""
        if self.use is Use.HIBERNATES:
            self.owner.forsaken(self)
        else:
            self.deliver(Closed(0, code, reason, clean=False))


def check_answers(socket: WebSocket) -> None:
    """Raise TypeError where an end cannot be used in a response."""
    if socket.use is Use.ANSWERS:
        raise TypeError("Can't return WebSocket that was already used in a response.")
    if socket.use is not Use.RAW:
        raise TypeError("Can't return WebSocket in a Response after calling accept().")


def tags_of(socket: WebSocket) -> tuple[str, ...]:
    """Return the tags of a hibernating socket. Raises RuntimeError for any other."""
    if socket.use is Use.HIBERNATES:
        return socket.tags
    if socket.use is Use.ACCEPTED:
        raise RuntimeError("only hibernatable websockets can have tags.")
    raise RuntimeError(
        "you must call 'accept_web_socket()' before attempting to access the tags of a WebSocket."
    )
