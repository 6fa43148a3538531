"""Everything that can stand on a class, for the rules of what a caller reaches."""

from __future__ import annotations

import asyncio
import builtins
from typing import Any

from sourdough import DurableObject, Request, Response


class OwnError(Exception):
    """An exception whose class only this project knows."""


class Base:
    """A class of the user's own that is no Durable Object."""

    async def inherited(self) -> str:
        return "inherited"


class Speaker(Base, DurableObject):
    constant = 7

    def __init__(self, ctx: Any, env: Any) -> None:
        super().__init__(ctx, env)
        self.attribute = 1
        self.own_function = lambda: "an attribute of the instance"

    async def echo(self, *arguments: Any, **named: Any) -> Any:
        return [list(arguments), named]

    async def same(self, value: Any) -> Any:
        return value

    def plain(self, a: int, b: int = 2) -> int:
        return a + b

    @staticmethod
    def static() -> str:
        return "static"

    @classmethod
    def of_class(cls) -> str:
        return cls.__name__

    @property
    def attribute_of_class(self) -> str:
        return "a property"

    def _private(self) -> str:
        return "private"

    def alarm(self) -> str:
        return "alarm"

    def web_socket_message(self) -> str:
        return "message"

    def web_socket_close(self) -> str:
        return "close"

    def web_socket_error(self) -> str:
        return "error"

    def connect(self) -> str:
        return "connect"

    def dup(self) -> str:
        return "dup"

    def constructor(self) -> str:
        return "constructor"

    async def nothing(self) -> None:
        return None

    async def raises(self, name: str, text: str) -> None:
        known = {
            "OwnError": OwnError,
            "ExceptionGroup": lambda text: ExceptionGroup(text, [OSError()]),
        }
        kind = known.get(name) or getattr(builtins, name)
        raise kind(text)

    async def exits(self) -> None:
        raise SystemExit(3)

    async def survives(self) -> int:
        """Count in memory: it goes on when the instance does."""
        self.attribute += 1
        return self.attribute

    async def gives_back(self, what: str) -> Any:
        return {"object": object(), "function": len, "self": self, "namespace": self.env.SPEAKER}[
            what
        ]

    async def large(self, size: int) -> bytes:
        return bytes(size)

    async def who(self) -> list[Any]:
        return [str(self.ctx.id), self.ctx.id.name]

    async def greeting(self) -> str:
        return self.env.greeting

    async def calls_back(self, me: str, other: str, depth: int) -> int:
        """Call another object, which calls this one while it waits."""
        if depth == 0:
            return 0
        stub = self.env.SPEAKER.get_by_name(other)
        return 1 + await stub.calls_back(other, me, depth - 1)

    async def fetch(self, request: Request) -> Response:
        match request.path.split("/")[-1]:
            case "describe":
                body = await request.text()
                value = {
                    "method": request.method,
                    "path": request.path,
                    "query": dict(request.query),
                    "header": request.headers.get("x-case"),
                    "body": body,
                    "url": request.url,
                }
                return Response.json(value, status=201, headers={"x-answer": "yes"})
            case "stream":
                return Response(_three())
            case "raise":
                raise OwnError("a secret of the handler")
            case "wrong":
                return "no response"  # type: ignore[return-value]
            case "cookies":
                return Response(headers=[("set-cookie", "a=1"), ("set-cookie", "b=2")])
            case "empty":
                return Response(status=204)
        return Response(f"{self.ctx.id.name}")


async def _three() -> Any:
    for number in range(3):
        await asyncio.sleep(0)
        yield f"{number}\n"
