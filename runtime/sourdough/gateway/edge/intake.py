"""Bytes of one connection in, exchanges out. No input or output.

    head -> (body) -> head -> ... -> over

An exchange is `ready` when its head is complete and its body, if small, is here (invariant D2).
What is refused becomes an exchange with a `refusal` in the same queue, so that an error waits its
turn like any answer; after it the intake is `over` and looks at no further byte. The parser is fed
by `feed` alone and always with the bytes after those it has seen: it owns the parse position.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

import httptools

from sourdough.gateway.edge.exchange import Exchange
from sourdough.gateway.edge.failure import (
    TLS_SPOKEN,
    VERSION_UNSUPPORTED,
    Failure,
    RefusedError,
    body_too_large,
    head_too_large,
    malformed,
    target_too_long,
)
from sourdough.gateway.edge.head import SPELLINGS, Kind, Notes, kind_of
from sourdough.gateway.edge.target import check_host, resolve_target
from sourdough.gateway.edge.upgrade import WEB_SOCKET_LINE, read_upgrade
from sourdough.gateway.edge.upload import Upload

if TYPE_CHECKING:
    from sourdough.gateway.edge.connection import Connection
    from sourdough.gateway.edge.edge import Edge

# How much the parser is fed at a time: what one feed may queue is bounded by it.
SLICE = 16 * 1024
# What a client may send behind the request for a WebSocket. It should wait for the answer.
_BEHIND = 64 * 1024
_PLAIN, _HOST = Kind.PLAIN, Kind.HOST


class Intake:
    """The receiving half of a connection."""

    __slots__ = (
        "_body", "_checked_host", "_connection", "_edge", "_host", "_notes", "_parser", "_parts",
        "_trusted", "_unparsed", "_url", "begun", "behind", "in_head", "over", "ready", "receiving",
    )  # fmt: skip

    def __init__(self, edge: Edge, connection: Connection) -> None:
        self._edge = edge
        self._connection = connection
        self._trusted = edge.trusts(connection.client)
        self.ready: deque[Exchange] = deque()
        self.receiving: Exchange | None = None
        """The exchange whose body is arriving."""
        self.in_head = False
        """A request has begun and its head is not complete."""
        self.over = False
        """No further request is read: the client said close, or sent something malformed."""
        self.begun = 0
        """Requests that have begun: tells one wait for a request from the wait for the next."""
        self.behind: bytes | None = None
        """What came behind the request for a WebSocket; None: there was no such request."""
        self._checked_host = b""
        self._unparsed = 0
        self._body: list[bytes] = []
        self._begin()
        self._parser: httptools.HttpRequestParser | None = httptools.HttpRequestParser(self)

    def _begin(self) -> None:
        self._url = b""
        self._parts: list[bytes] = []
        self._host: bytes | None = None
        self._notes: Notes | None = None

    @property
    def body_begun(self) -> bool:
        """Some of a body that is collected has arrived."""
        return bool(self._body)

    def end(self) -> None:
        """Let go of the parser, whose callbacks would keep this alive until the next collection."""
        self.over = True
        self._parser = None

    def feed(self, data: bytes) -> None:
        """Parse the next bytes; never raises for what a client sent."""
        if self.over or self._parser is None:
            if self.behind is not None:
                self._keep_behind(data)
            return
        try:
            self._parser.feed_data(data)
            if self.in_head or self.receiving is not None:
                self._check_unparsed(len(data))
        except RefusedError as refused:
            self.refuse(refused.failure)
        except httptools.HttpParserUpgrade as switch:
            # Raised behind a complete request: it is the last one that the parser reads.
            self._keep_behind(data[switch.args[0] :])
        except httptools.HttpParserError as error:
            self._parser_failed(data, error)

    def _keep_behind(self, data: bytes) -> None:
        self.behind = (self.behind or b"") + data
        if len(self.behind) > _BEHIND:
            self._connection.abort()

    def _parser_failed(self, data: bytes, error: httptools.HttpParserError) -> None:
        if isinstance(error, httptools.HttpParserCallbackError):
            refused_inside = error.__context__
            if not isinstance(refused_inside, RefusedError):
                raise error
            self.refuse(refused_inside.failure)
        elif not self.over:
            # The parser minds bytes after the last request; the client is answered all the same.
            self.refuse(self._malformed(data, str(error)))

    def _malformed(self, data: bytes, detail: str) -> Failure:
        if not self._url and data[:2] == b"\x16\x03":
            return TLS_SPOKEN
        return malformed(detail[:1].lower() + detail[1:])

    def _check_unparsed(self, n: int) -> None:
        """Bound what llhttp takes without telling: a header still growing, extensions of chunks.

        Coarse by one slice, in which other requests may have come before; the exact check is made
        when the head is complete.
        """
        limits = self._edge.limits
        self._unparsed += n
        if self.in_head:
            if self._unparsed > limits.head + SLICE:
                raise RefusedError(self._too_large())
        elif self.receiving is not None and self.receiving.upload is not None:
            overhead = self._unparsed - 8 * self.receiving.upload.received
            if overhead > limits.head + SLICE:
                raise RefusedError(head_too_large(limits.head))

    def _too_large(self) -> Failure:
        limits = self._edge.limits
        if len(self._url) > limits.target:
            return target_too_long(limits.target)
        return head_too_large(limits.head)

    # -- callbacks of the parser ------------------------------------------------------------------

    def on_message_begin(self) -> None:
        self.in_head = True
        self.begun += 1
        self._unparsed = 0

    def on_url(self, url: bytes) -> None:
        # May come in pieces: whatever one read holds of it.
        self._url = self._url + url if self._url else url

    def on_header(self, name: bytes, value: bytes) -> None:
        if not self.in_head:
            return  # a trailer: nobody asked for it, so nobody may rely on it (RFC 9110 6.5.1)
        kind = SPELLINGS.get(name) or kind_of(name)
        if kind is _PLAIN:
            self._parts += (name, b": ", value, b"\r\n")
        elif kind is _HOST and self._host is None:
            # First in the block, so that an absolute target can replace it.
            self._host = value = value.strip(b" \t")
            self._parts = [name, b": ", value, b"\r\n", *self._parts]
        elif kind is _HOST:
            raise RefusedError(malformed("it has two Host headers"))
        else:
            if self._notes is None:
                self._notes = Notes()
            self._notes.add(kind, name, value)

    def on_headers_complete(self) -> None:
        parser = self._parser
        assert parser is not None
        keep = parser.should_keep_alive()
        notes = self._notes
        # The version costs as much as half of the parsing, so it is asked for only where it can
        # be another than 1.1: then the connection does not persist, or a header says it does.
        legacy = False
        if notes is not None or not keep:
            legacy = self._is_legacy(parser)
        method = parser.get_method()
        target = self._url
        if len(target) > self._edge.limits.target:
            raise RefusedError(target_too_long(self._edge.limits.target))
        if self._host != self._checked_host or self._host is None:
            self._check_host(legacy)
        if not target.startswith(b"/") or b"#" in target or method == b"CONNECT":
            target = self._resolve(method, target)
        exchange = self._exchange(method, target, self._host or b"")
        exchange.keep_alive = keep
        if legacy:
            exchange.legacy = True
        if notes is not None:
            self._heed(notes, exchange, parser)
        exchange.headers = b"".join(self._parts)
        self._check_size(exchange)
        self.in_head = False
        self._unparsed = 0
        self.receiving = exchange
        self._url, self._parts, self._host, self._notes = b"", [], None, None
        if exchange.upload is not None:
            self.ready.append(exchange)

    def on_body(self, chunk: bytes) -> None:
        exchange = self.receiving
        if exchange is None:
            return
        upload = exchange.upload
        if upload is None:
            self._body.append(chunk)
            return
        upload.add(chunk)
        if upload.received > self._edge.limits.body:
            raise RefusedError(body_too_large(self._edge.limits.body))

    def on_message_complete(self) -> None:
        exchange = self.receiving
        assert exchange is not None
        self.receiving = None
        if exchange.upload is not None:
            exchange.upload.complete = True
        else:
            if self._body:
                exchange.body = b"".join(self._body)
                self._body = []
            self.ready.append(exchange)
        self.over = not exchange.keep_alive

    # -- a complete head --------------------------------------------------------------------------

    def _is_legacy(self, parser: httptools.HttpRequestParser) -> bool:
        version = parser.get_http_version()
        if version not in {"1.1", "1.0"}:
            raise RefusedError(VERSION_UNSUPPORTED)
        return version == "1.0"

    def _resolve(self, method: bytes, raw: bytes) -> bytes:
        """Return the target as a path; an authority in it replaces the Host (RFC 9112 3.2.2)."""
        target, authority = resolve_target(method, raw)
        if authority is not None:
            if self._host is None:
                self._parts[0:0] = (b"Host", b": ", b"", b"\r\n")
            self._host = self._parts[2] = authority
        return target

    def _check_host(self, legacy: bool) -> None:
        if self._host is None:
            if not legacy:
                raise RefusedError(malformed("it has no Host header"))
            return
        check_host(self._host)
        self._checked_host = self._host

    def _exchange(
        self, method: bytes, target: bytes, host: bytes, headers: bytes = b"", keep: bool = False
    ) -> Exchange:
        edge, connection = self._edge, self._connection
        edge.number = number = edge.number + 1
        return Exchange(
            edge, connection, number, edge.monotonic(), connection.client,
            method, target, host, headers, keep,
        )  # fmt: skip

    def _heed(self, notes: Notes, exchange: Exchange, parser: httptools.HttpRequestParser) -> None:
        notes.check(legacy=exchange.legacy)
        self._parts = notes.drop_hop_headers(self._parts)
        if parser.should_upgrade():
            exchange.upgrade = read_upgrade(notes, exchange, self._parts, self._edge.origins)
            exchange.keep_alive = False
            self._parts += WEB_SOCKET_LINE
        if self._trusted:
            exchange.scheme = notes.relay(self._parts, self._connection.client)
        exchange.length = notes.length
        if notes.chunked or (notes.length is not None and notes.length > self._edge.limits.collect):
            exchange.upload = Upload()
            exchange.body_complete = False
        exchange.expects = notes.expects and (notes.chunked or bool(notes.length))

    def _check_size(self, exchange: Exchange) -> None:
        limits = self._edge.limits
        if (
            len(self._parts) > 4 * limits.headers
            or len(exchange.headers) + len(self._url) > limits.head
        ):
            raise RefusedError(head_too_large(limits.head))
        if exchange.length is not None and exchange.length > limits.body:
            raise RefusedError(body_too_large(limits.body))

    # -- refusals ---------------------------------------------------------------------------------

    def refuse(self, failure: Failure) -> None:
        """Answer whatever is being received with a failure, in its turn, and read no further."""
        self.over = True
        exchange = self.receiving
        if exchange is None:
            method = self._parser.get_method() if self._parser is not None and self._url else b""
            exchange = self._exchange(method, self._url, self._host or b"")
        if exchange.upload is None:
            self.ready.append(exchange)
        self.receiving = None
        self.in_head = False
        exchange.refuse(failure)
