"""One WebSocket inside an ASGI app.

    asked --websocket.accept--> open --close either side--> over
      |--websocket.close------> over, the client is answered 403
      `--websocket.http.response.*--> over, the client gets that answer

The app runs in a task of its own, on behalf of whom the request is for; the socket is a plain one,
so it ends with its host, and the app hears of that as of any other end (invariant W2).
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any

from sourdough.apps.answer import AppError, Head, read_head
from sourdough.apps.channel import ClientLeftError
from sourdough.errors import WebSocketClosedError
from sourdough.http import Response
from sourdough.sockets import WebSocketPair
from sourdough.wire import close_codes

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from sourdough.apps.asgi import AsgiApp, Message
    from sourdough.apps.scope import Scope
    from sourdough.sockets import WebSocket

log = logging.getLogger("sourdough.apps")

_FORBIDDEN = 403


async def serve_socket(
    app: AsgiApp, scope: Scope, spawn: Callable[[Coroutine[Any, Any, None]], object]
) -> Response:
    """Return what an app answers to a request for a WebSocket; raises what it raises before that.

    spawn: runs the app in a task of its own, on behalf of whom the request is for.
    """
    visit = AsgiSocket()
    spawn(visit.run(app, scope))
    return await visit.answer


class AsgiSocket:
    """A client's WebSocket and the app that talks on it."""

    __slots__ = ("_asked", "_body", "_disconnected", "_head", "_socket", "answer")

    def __init__(self) -> None:
        self.answer: asyncio.Future[Response] = asyncio.get_running_loop().create_future()
        self._asked = False
        """Whether the app was told that the client wants to connect."""
        self._socket: WebSocket | None = None
        self._disconnected = False
        self._head: Head | None = None
        self._body: list[bytes] = []

    async def run(self, app: AsgiApp, scope: Scope) -> None:
        """Run the app to its end. Never raises but for cancellation."""
        try:
            await app(scope, self.receive, self.send)
            self._end(
                close_codes.NORMAL,
                AppError("the app ended before it accepted or refused the socket"),
            )
        except asyncio.CancelledError:
            self._end(close_codes.FAILED, AppError("the app was cancelled"))
            raise
        except GeneratorExit:
            raise
        except BaseException as error:  # sys.exit() in an app must not end the host
            if self.answer.done() and not (self._disconnected and isinstance(error, OSError)):
                log.exception("an app failed on a WebSocket")
            self._end(close_codes.FAILED, error)

    def _end(self, code: int, unanswered: BaseException) -> None:
        """The app says no more."""
        if not self.answer.done():
            self.answer.set_exception(unanswered)
        elif self._socket is not None:
            self._socket.close(code)

    # --- the app's side

    async def receive(self) -> Message:
        """Return what the client does next."""
        if not self._asked:
            self._asked = True
            return {"type": "websocket.connect"}
        if self._socket is None:
            raise AppError("the app wants messages of a socket that it has not accepted")
        try:
            data = await self._socket.receive()
        except WebSocketClosedError as end:
            self._disconnected = True
            return {"type": "websocket.disconnect", "code": end.code, "reason": end.reason}
        if isinstance(data, str):
            return {"type": "websocket.receive", "text": data, "bytes": None}
        return {"type": "websocket.receive", "text": None, "bytes": data}

    async def send(self, message: Message) -> None:
        """Do what the app says. Raises AppError, or ClientLeftError when the client has left."""
        kind = message["type"]
        if self._socket is not None:
            self._say(self._socket, message)
        elif self.answer.done():
            raise AppError(f"the app sent {kind!r} where it has no place")
        elif kind == "websocket.accept":
            self._accept(message)
        elif kind == "websocket.close" and self._head is None:
            self.answer.set_result(Response(None, status=_FORBIDDEN))
        elif kind == "websocket.http.response.start" and self._head is None:
            self._head = read_head(message["status"], message.get("headers", ()))
        elif kind == "websocket.http.response.body" and self._head is not None:
            self._refuse(self._head, message)
        else:
            raise AppError(f"the app sent {kind!r} where it has no place")

    def _accept(self, message: Message) -> None:
        headers = [(b"sec-websocket-protocol", message["subprotocol"].encode("latin-1"))] if (
            message.get("subprotocol")
        ) else []  # fmt: skip
        head = read_head(200, [*headers, *message.get("headers", ())])
        client, server = WebSocketPair()
        server.accept()
        self._socket = server
        response = Response(None, status=101, web_socket=client)
        for name, value in _pairs(head.block):
            response.headers.append(name, value)
        self.answer.set_result(response)

    def _refuse(self, head: Head, message: Message) -> None:
        """Collect the answer that stands for a refusal; they are short."""
        self._body.append(bytes(message.get("body", b"")))
        if not message.get("more_body", False):
            body = b"".join(self._body)
            self.answer.set_result(
                Response.received(status=head.status, block=head.block, body=body)
            )

    def _say(self, socket: WebSocket, message: Message) -> None:
        kind = message["type"]
        if kind == "websocket.close":
            socket.close(message.get("code", close_codes.NORMAL), message.get("reason") or "")
        elif kind != "websocket.send":
            raise AppError(f"the app sent {kind!r} where it has no place")
        elif socket.ready_state == socket.CLOSED:
            raise ClientLeftError("the client left")
        else:
            text = message.get("text")
            socket.send(text if text is not None else message.get("bytes") or b"")


def _pairs(block: bytes) -> list[tuple[str, str]]:
    lines = (line.partition(b": ") for line in block.split(b"\r\n") if line)
    return [(name.decode("latin-1"), value.decode("latin-1")) for name, _, value in lines]
