"""What callers have a room do, and ask it."""

from __future__ import annotations

import os
from typing import Any

from sourdough import Response, WebSocketPair, WebSocketRequestResponsePair


class Calls:
    """The methods that can be called on a room."""

    ctx: Any
    doors: Any
    heard: Any
    constructed: Any
    name: Any
    born: int

    async def told(self) -> list[Any]:
        return self.heard[self.name]

    async def without_births(self) -> list[Any]:
        return [each for each in self.heard[self.name] if each != ["constructed"]]

    async def constructions(self) -> int:
        return self.constructed[self.name]

    async def birth(self) -> int:
        """Return when this instance was made, by the machine's monotonic clock."""
        return self.born

    async def pid(self) -> int:
        return os.getpid()

    async def value(self, key: str = "value") -> Any:
        return await self.ctx.storage.get(key)

    async def opens(self, door: str) -> None:
        self.doors[door].set()

    async def ids(self, tag: str | None = None) -> list[Any]:
        """Return the attachments of the listed sockets, in the list's order."""
        return [each.deserialize_attachment() for each in self.ctx.get_web_sockets(tag)]

    async def states(self) -> list[int]:
        return [each.ready_state for each in self.ctx.get_web_sockets()]

    async def tags_of_all(self) -> list[list[str]]:
        return [sorted(self.ctx.get_tags(each)) for each in self.ctx.get_web_sockets()]

    async def sends(self, text: str, tag: str | None = None) -> None:
        for each in self.ctx.get_web_sockets(tag):
            each.send(text)

    async def closes(self, code: int | None = None, reason: str | None = None) -> None:
        for each in self.ctx.get_web_sockets():
            each.close(code, reason)

    async def aborts(self) -> None:
        self.ctx.abort("as asked")

    async def accept_refusals(self) -> list[str | None]:
        """Try what one end of a pair can be used for only once."""
        ctx = self.ctx
        accepted, hibernating, mixed = WebSocketPair(), WebSocketPair(), WebSocketPair()
        accepted[1].accept()
        ctx.accept_web_socket(hibernating[1])
        ctx.accept_web_socket(mixed[1])
        return [
            refusal(ctx.accept_web_socket, accepted[1]),
            refusal(hibernating[1].accept),
            refusal(ctx.accept_web_socket, hibernating[1]),
            refusal(ctx.accept_web_socket, mixed[0]),
        ]

    async def tag_refusals(self, *lists: list[str]) -> list[Any]:
        """Accept a socket with each list of tags; return the tags it has then, or what was raised."""

        def take(tags: list[str]) -> list[str]:
            server = WebSocketPair()[1]
            self.ctx.accept_web_socket(server, tags)
            return list(self.ctx.get_tags(server))

        return [refusal(take, tags) or sorted(set(tags)) for tags in lists]

    async def untagged(self) -> list[str | None]:
        """Ask for the tags of sockets that have none."""
        plain, fresh = WebSocketPair(), WebSocketPair()
        plain[1].accept()
        return [refusal(self.ctx.get_tags, plain[1]), refusal(self.ctx.get_tags, fresh[1])]

    async def answers_101(self, with_socket: bool) -> str | None:
        return refusal(Response, None, status=101, web_socket=WebSocketPair()[0]) if (
            with_socket
        ) else refusal(Response, None, status=101)  # fmt: skip

    # --- settings of all sockets

    async def auto(self, request: str | None = None, response: str | None = None) -> None:
        pair = None if request is None else WebSocketRequestResponsePair(request, response)
        self.ctx.set_web_socket_auto_response(pair)

    async def autos(self) -> list[str] | None:
        pair = self.ctx.get_web_socket_auto_response()
        return pair and [pair.request, pair.response]

    async def auto_refusals(self, *pairs: list[str]) -> list[str | None]:
        """Try automatic answers that are too long."""

        def try_(request: str, response: str) -> None:
            self.ctx.set_web_socket_auto_response(WebSocketRequestResponsePair(request, response))

        return [refusal(try_, *pair) for pair in pairs]

    async def answered(self) -> list[float | None]:
        """Return when each socket was last answered automatically, in Unix seconds."""
        times = map(self.ctx.get_web_socket_auto_response_timestamp, self.ctx.get_web_sockets())
        return [time and time.timestamp() for time in times]

    async def event_timeouts(self, *values: int | None) -> list[Any]:
        """Set one after another; return what is set then, or what was raised."""
        return [
            refusal(self.ctx.set_hibernatable_web_socket_event_timeout, value)
            or self.ctx.get_hibernatable_web_socket_event_timeout()
            for value in values
        ]


def refusal(call: Any, *arguments: Any, **named: Any) -> str | None:
    """Return the type and the text of what a call raises, None when it raises nothing."""
    try:
        call(*arguments, **named)
    except Exception as error:  # noqa: BLE001 (whatever it is, the case looks at it)
        return f"{type(error).__name__}: {error}"
    return None
