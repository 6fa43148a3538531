"""The response that a handler returns."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, overload

from sourdough.http.headers import Headers, HeadersInit
from sourdough.http.message import Message, to_body
from sourdough.sockets.websocket import WebSocket, check_answers

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from sourdough.http.body import BodySource
    from sourdough.sockets.relayed import RelayedWebSocket

# The two most common header blocks, made once: most responses never build a Headers object.
_TEXT_BLOCK = b"content-type: text/plain; charset=utf-8\r\n"
_JSON_BLOCK = b"content-type: application/json\r\n"

UPGRADE = 101
"""The status of an answer that accepts a WebSocket."""


class _Json:
    """`Response.json(value)` makes a response; `await response.json()` reads one.

    Both names are those of the Fetch standard, where one is static and the other is not.
    """

    @overload
    def __get__(self, instance: None, owner: type[Response]) -> Callable[..., Response]: ...
    @overload
    def __get__(
        self, instance: Response, owner: type[Response]
    ) -> Callable[[], Coroutine[Any, Any, Any]]: ...
    def __get__(self, instance: Response | None, owner: type[Response]) -> Callable[..., Any]:
        if instance is None:
            return owner.from_json
        return super(Response, instance).json


class Response(Message):
    """An HTTP response: a body (str, bytes, None or an async iterator of bytes), status, headers.

    A str without a content-type header is sent as `text/plain; charset=utf-8`. A body that is an
    async iterator is streamed: each chunk leaves at once.

    web_socket: with status 101, the end of a `WebSocketPair` that the client is to have. Of what a
    `stub.fetch` has returned: the caller's end of the socket, None for any other response.
    """

    __slots__ = ("status", "web_socket")

    def __init__(
        self,
        body: Any = None,
        *,
        status: int = 200,
        headers: Headers | HeadersInit | None = None,
        web_socket: WebSocket | RelayedWebSocket | None = None,
    ) -> None:
        self.web_socket: WebSocket | RelayedWebSocket | None = web_socket
        if web_socket is not None or status == UPGRADE:
            _check_upgrade(status, body, web_socket)
        elif not isinstance(status, int) or not 200 <= status <= 599:
            raise ValueError(f"a response's status is a number from 200 to 599, not {status!r}")
        self.status = status
        self._body = to_body(body)
        self._body_used = False
        if headers is None:
            self._headers = None
            self._block = _TEXT_BLOCK if isinstance(body, str) else b""
            return
        self._headers = Headers(headers)
        self._block = b""
        if isinstance(body, str) and "content-type" not in self._headers:
            self._headers.append("content-type", "text/plain; charset=utf-8")

    # Declared: a checker would take the inherited method for its type.
    json: _Json = _Json()

    @classmethod
    def from_json(
        cls,
        value: Any,
        *,
        status: int = 200,
        headers: Headers | HeadersInit | None = None,
    ) -> Response:
        """Return a response whose body is `value` as JSON. Raises TypeError when it cannot be."""
        body = json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
        if headers is None and status == 200:
            return cls.received(status=status, block=_JSON_BLOCK, body=body)
        response = cls(body, status=status, headers=headers)
        if "content-type" not in response.headers:
            response.headers.append("content-type", "application/json")
        return response

    @classmethod
    def received(cls, *, status: int, block: bytes, body: BodySource) -> Response:
        """Build a response from a header block that is known to be well-formed."""
        self = cls.__new__(cls)
        Message.__init__(self, None, block, body)
        self.status = status
        self.web_socket = None
        return self

    def __repr__(self) -> str:
        return f"<Response {self.status}>"


def _check_upgrade(status: Any, body: Any, socket: WebSocket | RelayedWebSocket | None) -> None:
    """Raise ValueError or TypeError for what is no whole answer to an upgrade."""
    if socket is None:
        raise ValueError("a response of status 101 needs the client's end: web_socket=client")
    if status != UPGRADE:
        raise ValueError("Responses with a WebSocket must have status code 101.")
    if body is not None:
        raise ValueError("a response with a WebSocket has no body")
    if isinstance(socket, WebSocket):
        check_answers(socket)
