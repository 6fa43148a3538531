"""An event that came over a link, and the way its answer goes back.

This is the host's end of a stream: it feeds the request's body to the handler and encodes what
the handler answers. Errors become answers here, by the table in `objects.failure`.
"""

from __future__ import annotations

import asyncio
import json
import logging
import time
from typing import TYPE_CHECKING, Any

from sourdough.errors import DurableObjectError
from sourdough.host.talk import Talk
from sourdough.http import BodyReader, Headers, Response
from sourdough.http.response import UPGRADE
from sourdough.objects.calls.session import Session
from sourdough.objects.failure import (
    describe,
    encode_error,
    http_failure,
    start_at_user,
    traceback_of,
)
from sourdough.objects.web_sockets.binding import bind_answer
from sourdough.transport.stream import Stream
from sourdough.wire.credit import STREAM_WINDOW
from sourdough.wire.frames import END, INLINE_BODY, NOTE, ResetCode, Type
from sourdough.wire.heads import encode_answer
from sourdough.wire.references import ANSWER, Raised, Returned

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from sourdough.host.host import Host
    from sourdough.http import Request
    from sourdough.objects.event import BeforeChunk, Event
    from sourdough.objects.owner import Owner
    from sourdough.transport.link import Link

log = logging.getLogger("sourdough.host")

# Headers that say how a message is framed or belong to one connection: the gateway's business.
_HOP_BY_HOP = frozenset({
    "connection", "keep-alive", "proxy-connection", "transfer-encoding", "te", "trailer", "upgrade",
})  # fmt: skip

# For each event; as globals they cost less than as attributes of a class, or through `super()`.
_HEAD = Type.HEAD
_make, _close = Stream.__init__, Stream.close

OK, ERROR = 0, 1
"""The status of a method call's answer; ERROR also of a stub's request that failed."""


class Incoming(Stream):
    """One event from a link."""

    __slots__ = (
        "_by_talk",
        "_ended",
        "_head_sent",
        "_host",
        "_interrupted",
        "_request_number",
        "_streaming",
        "_talk",
        "body",
        "event",
        "is_call",
        "request",
        "started",
    )  # fmt: skip

    def __init__(
        self,
        link: Link,
        number: int,
        request_number: int,
        is_call: bool,
        host: Host,
    ) -> None:
        _make(self)
        self.link = link
        self.number = number
        self.is_call = is_call
        self.body: BodyReader | None = None
        self.request: Request | None = None
        """What the handler was given, and is told when the client leaves."""
        self.event: Event | None = None
        """What it was handed on as; of a call, whose caller may be cancelled."""
        self.started = time.monotonic()
        self._talk: Talk | None = None
        self._by_talk = False
        self._request_number = request_number
        self._host = host
        self._ended: asyncio.Future[None] | None = None
        self._head_sent = False
        self._streaming: asyncio.Task[Any] | None = None
        self._interrupted = False

    @property
    def request_id(self) -> str:
        return f"{self._request_number:x}"

    @property
    def _from_stub(self) -> bool:
        """Whether user code in another host asks, which gets the exception (semantics 2.13)."""
        return (
            self.link is not None and self.link.peer is not None and self.link.peer.role == "host"
        )

    # --- the request's body

    def on_body(self, chunk: bytes, end: bool) -> None:
        if self._talk is not None:
            self._talk.receive(chunk)
        elif self.body is not None:
            self.body.feed(chunk, end)

    def on_reset(self, code: int, sentence: str) -> None:
        if code == ResetCode.EXPIRED:
            self._host.overdue.add(self._request_number)
        if self.event is not None and self.started:
            # Whoever awaited this call was cancelled, and so is what answers it.
            self.event.cancel()
        self._left("the client left")

    def on_lost(self, delivered: bool) -> None:
        self._left("the gateway is gone")

    def _left(self, reason: str) -> None:
        """The caller is gone: its streams end, the object's work goes on (invariant D7)."""
        if self.body is not None:
            self.body.fail(reason)
        if self.request is not None:
            self.request.leave()
        if self._talk is not None:
            self._talk.session.end(lost_error("the other side has left"))
        self._interrupt()
        self._done()

    # --- what is passed by reference

    def session(self, owner: Owner) -> Session:
        """Return the callee's side of this call's session."""
        if self._talk is None:
            self._talk = Talk(self, Session(owner, self._host.caller))
            self._host.talks.add(self)
            if self.link is None:
                self._talk.session.end(lost_error("the other side has left"))
            elif self.body is None:
                self.link.grant(self.number, STREAM_WINDOW)
        return self._talk.session

    def end_session(self) -> None:
        """The host gives its seat up: what it has lent is gone."""
        self._left("the host has given its seat up")
        self.reset(ResetCode.LOST, "the host has given its seat up")

    def close(self) -> None:
        _close(self)
        if self._talk is not None:
            self._host.talks.discard(self)

    # --- the answer: objects.event.Reply

    def respond(self, response: Response) -> None:
        if response.status == UPGRADE:
            assert self.request is not None
            bind_answer(response, self.request, self._host.sockets.store)
        body = response.take_body()
        assert isinstance(body, bytes)
        self._send(response.status, self._block(response, complete=True), body)

    async def stream(self, response: Response, before_chunk: BeforeChunk) -> None:
        """Send a streamed body, chunk by chunk as the caller takes it.

        It ends early, closing the user's iterator, when the caller leaves or `end_stream` is
        called; the handler itself is not cancelled by either.
        """
        chunks = response.stream()
        self._streaming = asyncio.current_task()
        try:
            await self._pump_body(response, chunks, before_chunk)
        except asyncio.CancelledError:
            if not self._interrupted or self._streaming is None:
                raise
            self._streaming.uncancel()
        finally:
            self._streaming = None
            close = getattr(chunks, "aclose", None)
            if close is not None:
                await close()
            if self._interrupted and self.link is not None:
                self._close_after(self.send_body(b"", True))
            if not self.blocked:
                self._done()

    async def _pump_body(
        self, response: Response, chunks: AsyncIterator[bytes], before_chunk: BeforeChunk
    ) -> None:
        await _confirm(before_chunk)
        if self.link is None:
            return
        head = encode_answer(self._block(response, complete=False), b"")
        self._body_begins(
            endless=response.content_type.startswith("text/event-stream")
            or response.status == UPGRADE
        )
        self.link.write(Type.HEAD, 0, response.status, self.number, head)
        async for chunk in chunks:
            await _confirm(before_chunk)
            if self.link is None:
                return
            if not self.send_body(chunk, False):
                await self._writable()
        if self.link is not None:
            self._close_after(self.send_body(b"", True))

    def _body_begins(self, *, endless: bool) -> None:
        self._head_sent = True
        self._host.streams.add(self, endless=endless)

    def end_stream(self) -> None:
        """End a streamed body where it is, properly."""
        self._interrupt()

    def cut_short(self) -> None:
        """End a body where it is, and tell its reader that there was more (invariant D3)."""
        self.reset(ResetCode.FAILED, "the response's body was cut short: its host is replaced")
        self._interrupt()
        self._done()

    def _interrupt(self) -> None:
        if self._streaming is not None and not self._interrupted:
            self._interrupted = True
            self._streaming.cancel()

    def returned(self, value: bytes) -> None:
        if self._talk is None or self._talk.session.idle:
            self._send(OK, b"", value)
        elif not self._head_sent:
            self._answer(Returned(ANSWER, value))

    def failed(self, error: BaseException) -> None:
        if self.link is None:
            log.debug("an error had nobody to go to", exc_info=error)
        elif self._head_sent:
            # Too late for an answer: the body is cut short, never ended properly (invariant D3).
            log.error("a response's body failed", exc_info=error)
            self.reset(ResetCode.FAILED, "the response's body was cut short")
            self._done()
        elif self._talk is not None and not self._talk.session.idle:
            self._answer(Raised(ANSWER, encode_error(error, log=True)))
        elif self.is_call or self._from_stub:
            self._send(ERROR, b"", encode_error(error, log=True))
        else:
            self._failed_http(error)

    def _failed_http(self, error: BaseException) -> None:
        failure = http_failure(error)
        start_at_user(error)
        what, place = describe(error)
        fields = {"error": failure.sentence, "request_id": self.request_id}
        if failure.hint:
            fields["hint"] = failure.hint
        if self._host.debug:
            fields["exception"] = what
            fields["traceback"] = traceback_of(error)
        if failure.status == 500 and not getattr(error, "logged", False):
            log.error("%s", what, exc_info=error)
            if isinstance(error, DurableObjectError):
                error.logged = True
        headers = Headers({"content-type": "application/json", "x-request-id": self.request_id})
        if failure.retry_after is not None:
            headers.append("retry-after", str(failure.retry_after))
        note = f"{what}\0{place or ''}".encode("utf-8", "replace")[:4096]
        self._send(failure.status, headers.to_block(), json.dumps(fields).encode(), note)

    @property
    def released(self) -> bool:
        """Whether the host has given its seat up."""
        return self._host.phase is self._host.phase.RELEASED

    def refuse(self, code: ResetCode, sentence: str) -> None:
        """End the stream without an answer."""
        self.reset(code, sentence)
        self._done()

    def _answer(self, message: Returned | Raised) -> None:
        """Answer on the session: the stream stays while anything is held."""
        assert self._talk is not None
        self._head_sent = self._by_talk = True
        self._talk.post(message)
        self._done()

    # --- frames

    def _send(self, status: int, block: bytes, body: bytes, note: bytes = b"") -> None:
        link = self.link
        if link is not None and not self._head_sent:
            flags = NOTE if note else 0
            if len(body) <= INLINE_BODY:
                payload = encode_answer(block, body, note)
                link.write(_HEAD, flags | END, status, self.number, payload)
                self.close()
            else:
                if not self.is_call:
                    block += b"content-length: %d\r\n" % len(body)
                link.write(Type.HEAD, flags, status, self.number, encode_answer(block, b"", note))
                self._body_begins(endless=False)
                self._close_after(self.send_body(body, True))
                return
        self._done()

    def _close_after(self, everything_left: bool) -> None:
        """Close now, or when the rest of the body has got its credit (on_writable)."""
        if everything_left:
            self.close()
            self._done()
        else:
            self._ended = None

    def on_writable(self) -> None:
        if self._talk is not None and (self._by_talk or not self._head_sent):
            return
        if self._ended is not None:
            self._wake()
        else:
            self.close()
            self._done()

    async def _writable(self) -> None:
        self._ended = asyncio.get_running_loop().create_future()
        await self._ended
        self._ended = None

    def _wake(self) -> None:
        if self._ended is not None and not self._ended.done():
            self._ended.set_result(None)

    def _done(self) -> None:
        if self.started:
            seconds, self.started = time.monotonic() - self.started, 0.0
            if self._head_sent:
                self._host.streams.discard(self)
            self._host.finished(seconds)

    @staticmethod
    def _block(response: Response, *, complete: bool) -> bytes:
        if not response.headers_parsed:
            return response.header_block()
        dropped = _HOP_BY_HOP | {"content-length"} if complete else _HOP_BY_HOP
        pairs = response.headers.items()
        kept = [pair for pair in pairs if pair[0].lower() not in dropped]
        return Headers(kept).to_block()


async def _confirm(before_chunk: BeforeChunk) -> None:
    waiter = before_chunk()
    if waiter is not None:
        await waiter


def lost_error(sentence: str) -> DurableObjectError:
    """The error of what goes through a link that is gone (semantics section 2)."""
    return DurableObjectError(f"Network connection lost. ({sentence})", retryable=True)
