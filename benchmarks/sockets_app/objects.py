"""What is measured: objects that send back what they get, at once, behind a write, or to all."""

from __future__ import annotations

from sourdough import DurableObject, Request, Response, WebSocket, WebSocketPair


class Echo(DurableObject):
    """Sends each message back; nothing is stored."""

    async def fetch(self, request: Request) -> Response:
        client, server = WebSocketPair()
        self.ctx.accept_web_socket(server, ["all"])
        server.serialize_attachment({"name": "Ada"})
        return Response(None, status=101, web_socket=client)

    async def web_socket_message(self, ws: WebSocket, message: str | bytes) -> None:
        ws.send(message)


class Stored(Echo):
    """Sends each message back when it is on disk."""

    def __init__(self, ctx, env) -> None:
        super().__init__(ctx, env)
        ctx.storage.sql.exec("CREATE TABLE IF NOT EXISTS log (id INTEGER PRIMARY KEY, body TEXT)")

    async def web_socket_message(self, ws: WebSocket, message: str | bytes) -> None:
        self.ctx.storage.sql.exec("INSERT INTO log (body) VALUES (?)", message)
        ws.send(message)


class Room(Echo):
    """Sends each message to all of its sockets."""

    async def web_socket_message(self, ws: WebSocket, message: str | bytes) -> None:
        self.ctx.broadcast(message)
