"""A WebSocket that came through somebody else's ASGI server, and the object's end of it.

The socket belongs to that server and ends with this program; towards the object it is one that code
has opened itself (`sockets.bridge`).
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from sourdough.errors import WebSocketClosedError
from sourdough.library.visit import BadRequestError, failed, request_of, sentence
from sourdough.sockets import WebSocket
from sourdough.sockets.limits import sendable_close
from sourdough.wire import close_codes

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from sourdough.http import Request, Response
    from sourdough.library.visit import Receive, Scope, Send

_UPGRADE = b"upgrade: websocket\r\nconnection: Upgrade\r\n"
_DENIAL = "websocket.http.response"
_PROTOCOL = "sec-websocket-protocol"


class SocketVisit:
    """One WebSocket of an ASGI server."""

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._scope = scope
        self._receive = receive
        self._send = send

    async def answer(self, respond: Callable[[Request], Awaitable[Response]]) -> None:
        """Carry messages both ways when `respond` accepts the socket; else pass its answer on."""
        await self._receive()  # websocket.connect
        try:
            response = await respond(request_of(self._scope, b"GET", b"", _UPGRADE))
        except BadRequestError as error:
            response = sentence(400, str(error))
        except Exception as error:  # noqa: BLE001 (told to the client as any server does)
            response = failed(error)
        socket = response.web_socket
        if not isinstance(socket, WebSocket):
            await self._deny(response)
            return
        socket.accept()
        await self._send({
            "type": "websocket.accept",
            "subprotocol": response.headers.get(_PROTOCOL),
            "headers": [pair for pair in _pairs(response) if pair[0] != _PROTOCOL.encode()],
        })  # fmt: skip
        await self._carry(socket)

    async def _carry(self, socket: WebSocket) -> None:
        from_client = asyncio.ensure_future(self._from_client(socket))
        try:
            await self._to_client(socket)
        finally:
            from_client.cancel()
            socket.close()
            await asyncio.gather(from_client, return_exceptions=True)

    async def _from_client(self, socket: WebSocket) -> None:
        while True:
            message = await self._receive()
            if message["type"] == "websocket.disconnect":
                code = message.get("code") or close_codes.NO_CODE
                reason = message.get("reason") or ""
                socket.close(*sendable_close(code, reason))
                return
            text = message.get("text")
            socket.send(text if text is not None else message["bytes"])

    async def _to_client(self, socket: WebSocket) -> None:
        try:
            while True:
                data = await socket.receive()
                kind = "text" if isinstance(data, str) else "bytes"
                await self._send({"type": "websocket.send", kind: data})
        except WebSocketClosedError as end:
            unsaid = end.code in close_codes.NOT_TO_BE_SENT
            code = close_codes.NORMAL if unsaid else end.code
            await self._close(code, end.reason if end.was_clean else "")

    async def _close(self, code: int, reason: str) -> None:
        try:
            await self._send({"type": "websocket.close", "code": code, "reason": reason})
        except (RuntimeError, OSError):
            return  # the client has left already

    async def _deny(self, response: Response) -> None:
        """Pass on an ordinary answer; a server that cannot says 403 for it."""
        if _DENIAL not in (self._scope.get("extensions") or {}):
            await self._send({"type": "websocket.close", "code": close_codes.NORMAL})
            return
        body = await response.bytes()
        start = {"type": f"{_DENIAL}.start", "status": response.status, "headers": _pairs(response)}
        await self._send(start)
        await self._send({"type": f"{_DENIAL}.body", "body": body})


def _pairs(response: Response) -> list[tuple[bytes, bytes]]:
    items = response.headers.items()
    return [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in items]
