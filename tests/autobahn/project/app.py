"""Sends every message back: from a handler on the class, and from a loop over an accepted socket."""

from __future__ import annotations

from typing import Any

from sourdough import DurableObject, Request, Response, WebSocketPair, WorkerEntrypoint


class Echo(DurableObject):
    async def fetch(self, request: Request) -> Response:
        client, server = WebSocketPair()
        if request.path.endswith("/hibernating"):
            self.ctx.accept_web_socket(server)
        else:
            server.accept()
            self.ctx.wait_until(self._echo(server))
        return Response(None, status=101, web_socket=client)

    async def web_socket_message(self, ws: Any, message: str | bytes) -> None:
        ws.send(message)

    async def _echo(self, ws: Any) -> None:
        async for message in ws:
            ws.send(message)


class Default(WorkerEntrypoint):
    async def fetch(self, request: Request) -> Response:
        return Response("see /echo/any/hibernating and /echo/any/accepted")
