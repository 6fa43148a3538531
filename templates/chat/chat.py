"""A chat room: who is in it and what was said."""

import json
import time
from typing import TypedDict

from sourdough import (
    DurableObject,
    Request,
    Response,
    RestoredSocket,
    WebSocket,
    WebSocketPair,
    WebSocketRequestResponsePair,
)
from sourdough_env import Env

SHOWN = 100  # messages that one who joins gets to see
LONGEST_TEXT = 2000
LONGEST_NAME = 40
LONGEST_ID = 40


class Message(TypedDict):
    """What somebody said."""

    id: str
    """Made by the page that sent it: the same message, sent again, is not said twice."""
    name: str
    text: str
    at: int
    """Unix milliseconds."""


class Room(DurableObject[Env]):
    """One room. It sleeps when nobody says anything; its members stay connected to the gateway.

    So nothing that has to last is an attribute: messages are in SQL, and the name of each member
    is attached to his socket.
    """

    def __init__(self, ctx, env):
        super().__init__(ctx, env)
        self._sql = ctx.storage.sql
        self._sql.exec("""
            CREATE TABLE IF NOT EXISTS messages (
                number INTEGER PRIMARY KEY,
                id TEXT UNIQUE NOT NULL,
                name TEXT NOT NULL,
                text TEXT NOT NULL,
                at INTEGER NOT NULL
            )
        """)
        # Pages ask this to see that they are connected. The gateway answers; it wakes no room.
        ctx.set_web_socket_auto_response(WebSocketRequestResponsePair("ping", "pong"))
        for restored in ctx.sockets_restored:
            if restored.in_doubt:
                self._settle(restored)

    async def fetch(self, request: Request) -> Response:
        """Somebody joins: GET /room/lobby/ws?name=Ada, as a WebSocket."""
        if request.headers.get("upgrade", "").lower() != "websocket":
            headers = {"upgrade": "websocket"}
            return Response("Connect with a WebSocket.\n", status=426, headers=headers)
        client, server = WebSocketPair()
        self.ctx.accept_web_socket(server)
        tell(server, messages=self.history())
        self._rename(server, request.query.get("name", ""))
        return Response(None, status=101, web_socket=client)

    async def web_socket_message(self, ws: WebSocket, message: str | bytes) -> None:
        match decoded(message):
            case {"say": str(text), "id": str(id)} if valid(text, id):
                self._say(id, ws.deserialize_attachment(), text)
            case {"name": str(name)}:
                self._rename(ws, name)
            case _:
                ws.close(1008, "That is no message of this chat.")

    async def web_socket_close(
        self, ws: WebSocket, code: int, reason: str, was_clean: bool
    ) -> None:
        self._tell_all(people=self.people())

    def history(self) -> list[Message]:
        """The last messages, oldest first."""
        rows = self._sql.exec(
            "SELECT id, name, text, at FROM messages ORDER BY number DESC LIMIT ?", SHOWN
        )
        return [row.as_dict() for row in rows][::-1]

    def people(self) -> list[str]:
        """The names of those who are here. A name is there as often as it has a page open."""
        sockets = self.ctx.get_web_sockets()
        return sorted(
            ws.deserialize_attachment() for ws in sockets if ws.ready_state == WebSocket.OPEN
        )

    def _say(self, id: str, name: str, text: str) -> None:
        """Store a message and send it to all. Nobody sees it before it is on the disk."""
        self._sql.exec(
            "INSERT OR IGNORE INTO messages (id, name, text, at) VALUES (?, ?, ?, ?)",
            id, name, text, int(time.time() * 1000),
        )  # fmt: skip
        self._tell_all(message=self._said(id))

    def _rename(self, ws: WebSocket, name: str) -> None:
        ws.serialize_attachment(" ".join(name.split())[:LONGEST_NAME] or "Somebody")
        self._tell_all(people=self.people())

    def _said(self, id: str) -> Message | None:
        rows = self._sql.exec("SELECT id, name, text, at FROM messages WHERE id = ?", id)
        return next((row.as_dict() for row in rows), None)

    def _settle(self, restored: RestoredSocket) -> None:
        """Clear up what became of a message that was being delivered when the host died.

        It is not delivered again: only we can know if that would do harm. Here the table knows if
        it was heard. If so, some may not have seen it; if not, its sender hears that and decides.
        """
        ws = restored.web_socket
        match decoded(restored.message):
            case {"say": str(), "id": str(id)}:
                if said := self._said(id):
                    self._tell_all(message=said)
                else:
                    tell(ws, lost=id)
            case {"name": str(name)}:
                self._rename(ws, name)  # twice is as good as once

    def _tell_all(self, **what: object) -> None:
        """Send to everybody: one message to the gateway, however many they are."""
        self.ctx.broadcast(json.dumps(what))


def tell(ws: WebSocket, **what: object) -> None:
    ws.send(json.dumps(what))


def decoded(message: str | bytes | None) -> object:
    """Read what a page sent; None when it is no JSON."""
    try:
        return json.loads(message or "")
    except (ValueError, RecursionError):
        return None


def valid(text: str, id: str) -> bool:
    return bool(text.strip()) and len(text) <= LONGEST_TEXT and len(id) <= LONGEST_ID
