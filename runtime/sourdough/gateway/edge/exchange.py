"""One request and its answer.

    waiting -> open -> streaming -> done
                 \\___________________/

The intake makes it, the connection opens it upstream when it is its turn, the upstream answers it.
After `done` every call is ignored: the upstream need not know that a client has left (data plane:
no exception of a stream leaves the link's frame loop).
"""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING

import msgspec

from sourdough.gateway.edge import answers
from sourdough.gateway.edge.failure import (
    CLIENT_LEFT,
    INTERNAL,
    STATUS_CLIENT_LEFT,
    Failure,
    handler_broke_framing,
)
from sourdough.gateway.edge.framing import Block, Mode, Plan, is_plain, plan, read_block

if TYPE_CHECKING:
    from sourdough.gateway.edge.connection import Connection
    from sourdough.gateway.edge.edge import Edge
    from sourdough.gateway.edge.upgrade import Upgrade
    from sourdough.gateway.edge.upload import Upload
    from sourdough.gateway.edge.upstream import Stream


SWITCHING = 101


class Phase(Enum):
    """How far an answer has come."""

    WAITING = 0
    OPEN = 1
    STREAMING = 2
    DONE = 3


# Looked up as globals: as attributes of the class they would cost more than the rest of a test.
WAITING, OPEN, STREAMING, DONE = Phase


# A Struct: its defaults are set in C, and most requests need no other values.
class Exchange(msgspec.Struct, eq=False):
    """A request as the upstream sees it, and the calls by which it is answered."""

    _edge: Edge
    _connection: Connection
    number: int
    """Rises with every request of the gateway."""
    started: float
    client: str
    """Address of the peer: of the last proxy, where there is one."""
    method: bytes
    target: bytes
    """Path and query exactly as the client sent them."""
    host: bytes
    headers: bytes = b""
    """Header lines, each with its CRLF, without those that belong to the client's hop."""
    keep_alive: bool = False
    """The client lets the connection persist."""
    scheme: str = "http"
    body: bytes = b""
    body_complete: bool = True
    """False: the body is streamed, within the credit given by `on_credit`."""
    length: int | None = None
    """The Content-Length that the client declared."""
    upload: Upload | None = None
    refusal: Failure | None = None
    legacy: bool = False
    """The client speaks HTTP/1.0."""
    expects: bool = False
    """The client waits for 100 Continue."""
    upgrade: Upgrade | None = None
    """The client wants a WebSocket."""
    socket: int = 0
    """The number of that, given by the upstream; 0: the client does not."""
    _phase: Phase = WAITING
    _stream: Stream | None = None
    _owed: int = 0
    _unwanted: bool = False
    _status: int = 0
    _mode: Mode = Mode.NOTHING
    _remaining: int = 0

    def __repr__(self) -> str:
        return f"<Exchange {self.request_id} {self.method!r} {self.target!r}>"

    @property
    def request_id(self) -> str:
        """The text by which logs and error answers name this request."""
        return f"{self._edge.prefix}{self.number:x}"

    @property
    def done(self) -> bool:
        """The answer is complete, or nobody waits for it."""
        return self._phase is DONE

    @property
    def wants_more(self) -> bool:
        """A client that sends nothing more is gone: its answer streams, or it wants a WebSocket."""
        return self._phase is STREAMING or self.upgrade is not None

    # -- called by the connection -----------------------------------------------------------------

    def open(self) -> None:
        """Pass the request on: it is its turn. Never raises."""
        self._phase = OPEN
        if self.refusal is not None:
            self.on_fail(self.refusal)
        elif self.target == b"*":
            # About the server as a whole, which has nothing to tell (RFC 9110 9.3.7).
            self.on_head(200, b"", b"", True)
        else:
            self._open_upstream()

    def _open_upstream(self) -> None:
        try:
            stream = self._edge.upstream.open(self)
        except Exception as error:  # noqa: BLE001 (a defect there must not end this connection)
            self._edge.report(error)
            self.on_fail(INTERNAL)
            return
        if self._phase is DONE:
            # Answered at once; or, with a streamed body that nobody needs, given up at once.
            if self._unwanted:
                stream.cancel()
            return
        self._stream = stream
        if self.upload is not None:
            self.push()
        if self._owed:
            self.resume()

    def push(self) -> None:
        """Send on what has arrived of the body, as far as credit allows."""
        if self._stream is None or self.upload is None:
            return
        piece = self.upload.take()
        if piece is not None:
            self._stream.send(*piece)

    def resume(self) -> None:
        """Give back the credit that was held while the client read nothing."""
        if self._stream is not None and self._owed and not self._connection.paused:
            owed, self._owed = self._owed, 0
            self._stream.consumed(owed)

    def refuse(self, failure: Failure) -> None:
        """The rest of the request will not be read: answer with a failure, now or in its turn."""
        self.refusal = failure
        self.keep_alive = False
        if self._phase in {OPEN, STREAMING}:
            self._cancel()
            self.on_fail(failure)

    def abandon(self, error: str = CLIENT_LEFT) -> None:
        """The client has left."""
        if self._phase is DONE:
            return
        status = self._status if self._phase is STREAMING else STATUS_CLIENT_LEFT
        self._cancel()
        self._finish(status, error, keep=False)

    # -- called by the upstream -------------------------------------------------------------------

    def on_head(self, status: int, block: bytes, body: bytes, end: bool) -> None:
        """Answer: status, finished header lines, and the first or (`end`) the only piece of body."""
        if self._phase is not OPEN:
            return
        opening = None
        if end and not self.legacy and self.method != b"HEAD":
            opening = self._edge.openings.plain.get((status, block)) or self._plain(status, block)
        if opening is None:
            self._answer(status, block, body, end)
            return
        keep = self._keeps()
        if not keep:
            opening += answers.CLOSE
        self._connection.write(b"".join((opening, answers.length_line(len(body)), body)))
        self._finish(status, None, keep=keep)

    def on_data(self, chunk: bytes, end: bool) -> None:
        """Go on with a streamed answer."""
        if self._phase is STREAMING:
            self._emit(b"", chunk, end)

    def on_credit(self, n: int) -> None:
        """Let `n` more bytes of the request's body come."""
        if self._phase not in {OPEN, STREAMING} or self.upload is None:
            return
        self.upload.grant(n)
        if self.expects and self._phase is OPEN and not self.upload.received:
            self._connection.write(answers.CONTINUE)
        self.expects = False
        self.push()
        self._connection.body_moved()

    def on_fail(self, failure: Failure) -> None:
        """End with an error: an answer, or a cut connection where the head is out (D3)."""
        if self._phase is STREAMING:
            self._break_off(failure.sentence)
        elif self._phase is OPEN:
            block, body = answers.error_answer(failure, self.request_id)
            framed = plan(
                status=failure.status, head=self.method == b"HEAD", legacy=self.legacy,
                declared=None, size=len(body),
            )  # fmt: skip
            keep = self._write_head(failure.status, block, framed, dated=False, body=body)
            self._finish(failure.status, failure.sentence, keep=keep)

    # -- the answer's bytes -----------------------------------------------------------------------

    def _plain(self, status: int, block: bytes) -> bytes | None:
        """Return how an answer begins that needs no closer look; None for any other."""
        if not 200 <= status <= 999 or status in {204, 304} or not is_plain(block):
            return None
        return self._edge.openings.remember(status, block)

    def _keeps(self, *, reading: bool = False) -> bool:
        """Say whether the connection persists after this answer.

        reading: also while the request's body is still to come.
        """
        upload = self.upload
        if not self.keep_alive or not (upload is None or upload.complete or reading):
            return False
        connection = self._connection
        return not (self._edge.draining or connection.eof) or connection.has_more()

    def _answer(self, status: int, block: bytes, body: bytes, end: bool) -> None:
        """Answer with everything that is not the common case."""
        try:
            parsed = read_block(block)
            if status == SWITCHING and self.upgrade is not None:
                self._switch(self.upgrade, parsed)
                return
            framed = plan(
                status=status, head=self.method == b"HEAD", legacy=self.legacy,
                declared=parsed.length, size=len(body) if end else None,
            )  # fmt: skip
        except ValueError as error:
            self._cancel()
            self.on_fail(handler_broke_framing(str(error)))
            return
        if status < 200:
            self._interim(status, parsed)
            return
        self._status = status
        if framed.mode in {Mode.NOTHING, Mode.WHOLE}:
            keep = self._write_head(status, parsed.lines, framed, dated=parsed.dated, body=body)
            if not end:
                self._cancel()  # nobody will see the rest
            self._finish(status, None, keep=keep)
            return
        self._phase = STREAMING
        self._mode = framed.mode
        self._remaining = parsed.length or 0
        # Whether the request's body will have been read by then is not known yet: nothing is
        # announced because of it, and the connection is closed in the end if it was not.
        self.keep_alive = framed.mode != Mode.UNTIL_CLOSE and self._keeps(reading=True)
        head = self._head(status, parsed.lines, framed, dated=parsed.dated, keep=self.keep_alive)
        self._emit(head, body, False)

    def _switch(self, upgrade: Upgrade, parsed: Block) -> None:
        """Switch protocols: the connection is no longer ours."""
        lines, successor = upgrade.take_over(parsed.lines)
        opening = (
            answers.status_line(SWITCHING) if parsed.dated else self._edge.openings.of(SWITCHING)
        )
        self._connection.hand_over(opening + lines + b"\r\n", successor)
        self._finish(SWITCHING, None, keep=False)

    def _interim(self, status: int, parsed: Block) -> None:
        # HTTP/1.0 knows no interim answers; 100 is the edge's own to send.
        if status != 100 and not self.legacy:
            self._connection.write(answers.status_line(status) + parsed.lines + b"\r\n")

    def _write_head(
        self, status: int, lines: bytes, framed: Plan, *, dated: bool, body: bytes
    ) -> bool:
        """Write head and body of an answer in one go; return whether the connection persists."""
        keep = self._keeps()
        head = self._head(status, lines, framed, dated=dated, keep=keep)
        self._connection.write(head + body if framed.mode == Mode.WHOLE else head)
        return keep

    def _head(self, status: int, lines: bytes, framed: Plan, *, dated: bool, keep: bool) -> bytes:
        opening = answers.status_line(status) if dated else self._edge.openings.of(status)
        kept = answers.KEEP_ALIVE if self.legacy else b""
        return b"".join((opening, lines, kept if keep else answers.CLOSE, framed.lines))

    def _emit(self, head: bytes, chunk: bytes, end: bool) -> None:
        """Write a piece of a streamed answer, framed as its head has promised."""
        if self._mode == Mode.COUNTED:
            self._remaining -= len(chunk)
            if self._remaining < 0 or (end and self._remaining):
                self._connection.write(head)
                self._cancel()
                self._break_off("the handler's answer is not as long as it declared")
                return
        self._connection.write(head + self._framed(chunk, end))
        if end:
            self._finish(self._status, None, keep=self._keeps())
        elif chunk:
            self._owed += len(chunk)
            self.resume()

    def _framed(self, chunk: bytes, end: bool) -> bytes:
        if self._mode != Mode.CHUNKED:
            return chunk
        # An empty chunk would be the last one.
        framed = b"%x\r\n%b\r\n" % (len(chunk), chunk) if chunk else b""
        return framed + answers.LAST_CHUNK if end else framed

    # -- the end ----------------------------------------------------------------------------------

    def _break_off(self, error: str) -> None:
        """Cut an answer short in a way that the client can see."""
        # Without length or chunks an orderly close would look like the end of the body.
        self._connection.cut(reset=self._mode == Mode.UNTIL_CLOSE)
        self._finish(self._status, error, keep=False)

    def _cancel(self) -> None:
        stream, self._stream = self._stream, None
        self._unwanted = True
        if stream is not None:
            stream.cancel()

    def _finish(self, status: int, error: str | None, *, keep: bool) -> None:
        self._phase = DONE
        # The stream knows this exchange too: a cycle would be left to the garbage collector.
        self._stream = None
        edge = self._edge
        edge.on_finished(self, status, edge.monotonic() - self.started, error)
        self._connection.finished(self, keep)
