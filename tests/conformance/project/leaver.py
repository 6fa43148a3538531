"""An object with last words: what it does in `before_shutdown` is told by its callers beforehand."""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict
from contextlib import suppress
from typing import Any, ClassVar

from sourdough import (
    DurableObject,
    Request,
    Response,
    ShutdownReason,
    StorageClosedError,
    WebSocketPair,
)

LONG = 100_000.0


class Leaver(DurableObject):
    constructed: ClassVar[Counter[str]] = Counter()
    plans: ClassVar[dict[str, str]] = defaultdict(lambda: "writes")
    outside: ClassVar[dict[str, list[Any]]] = defaultdict(list)
    """What instances of one name left behind, whatever became of their storage."""

    def __init__(self, ctx: Any, env: Any) -> None:
        super().__init__(ctx, env)
        self.name = ctx.id.name
        self.constructed[self.name] += 1
        self.kept: list[Any] = []
        self.found = ctx.storage.kv.get("last")
        """What the instance before had written at last."""

    def before_shutdown(self, reason: ShutdownReason) -> Any:
        self.outside[self.name].append(str(reason))
        return getattr(self, f"_{self.plans[self.name]}")(reason)

    # --- from outside

    async def plan(self, what: str) -> None:
        self.plans[self.name] = what

    async def constructions(self) -> int:
        return self.constructed[self.name]

    async def noted(self) -> list[Any]:
        return self.outside[self.name]

    async def finds(self) -> Any:
        return self.found

    async def last(self) -> Any:
        return await self.ctx.storage.get("last")

    async def notes(self, what: Any) -> None:
        self.outside[self.name].append(what)

    async def is_given(self, what: Any) -> None:
        await self.ctx.storage.put("last", what)

    async def writes_and_aborts(self) -> None:
        await self.ctx.storage.put("last", "before the abort")
        await self.ctx.storage.sync()
        self.ctx.abort("as asked")

    async def fetch(self, request: Request) -> Response:
        client, server = WebSocketPair()
        self.ctx.accept_web_socket(server)
        return Response(None, status=101, web_socket=client)

    async def web_socket_message(self, socket: Any, message: str) -> None:
        socket.send(message)

    # --- last words

    async def _writes(self, reason: ShutdownReason) -> None:
        await asyncio.sleep(0)
        await self.ctx.storage.put("last", [reason.value, self.constructed[self.name]])

    def _writes_at_once(self, reason: ShutdownReason) -> None:
        self.ctx.storage.kv.put("last", f"at once, {reason.value}")

    async def _raises(self, reason: ShutdownReason) -> None:
        await self.ctx.storage.put("last", "raised")
        raise ValueError("not a good moment")

    async def _exits(self, reason: ShutdownReason) -> None:
        raise SystemExit(3)

    async def _aborts(self, reason: ShutdownReason) -> None:
        await self.ctx.storage.put("last", "durable")
        await self.ctx.storage.sync()
        await self.ctx.storage.put("last", "not durable")
        self.ctx.abort("at the end")

    async def _aborts_and_clings(self, reason: ShutdownReason) -> None:
        with suppress(BaseException):
            await self._aborts(reason)
        await self._will_not_end(reason)

    async def _sends(self, reason: ShutdownReason) -> None:
        for socket in self.ctx.get_web_sockets():
            socket.send("good night")

    async def _calls(self, reason: ShutdownReason) -> None:
        await self.ctx.storage.put("last", "called")
        await self.env.LEAVER.get_by_name(f"{self.name}-other").notes("called by a leaver")

    async def _passes_on(self, reason: ShutdownReason) -> None:
        other = self.env.LEAVER.get_by_name(f"{self.name}-other")
        await other.plan("sends")
        await other.is_given("passed on")

    async def _waits(self, reason: ShutdownReason) -> None:
        await self.ctx.storage.put("last", "waits")
        await asyncio.Event().wait()

    async def _will_not_end(self, reason: ShutdownReason) -> None:
        with suppress(StorageClosedError):
            await self.ctx.storage.put("last", "would not end")
        while True:
            with suppress(BaseException):
                await asyncio.sleep(LONG)

    async def _begins_more(self, reason: ShutdownReason) -> None:
        """Begin what would keep any other object in memory."""

        async def goes_on(who: str) -> None:
            await asyncio.sleep(LONG)
            self.outside[self.name].append(f"{who} went on")

        self.ctx.wait_until(goes_on("background work"))
        self.kept.append(asyncio.create_task(goes_on("a task")))
        asyncio.get_running_loop().call_later(LONG, self.outside[self.name].append, "a timer")

    async def _calls_itself(self, reason: ShutdownReason) -> None:
        await self.env.LEAVER.get_by_name(self.name).constructions()
