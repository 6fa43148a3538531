"""An object that aborts and does not want to end: whatever it does then must not be seen anywhere."""

from __future__ import annotations

import asyncio
import gc
import time
from collections import Counter, defaultdict
from contextlib import suppress
from typing import Any, ClassVar

from sourdough import DurableObject, Request, Response, WebSocketPair

LONG = 100_000.0


class Clinger(DurableObject):
    constructed: ClassVar[Counter[str]] = Counter()
    steps: ClassVar[Counter[str]] = Counter()
    """How often code of an instance went on after its abort."""
    left: ClassVar[dict[str, list[Any]]] = defaultdict(list)

    def __init__(self, ctx: Any, env: Any) -> None:
        super().__init__(ctx, env)
        self.name = ctx.id.name
        self.constructed[self.name] += 1
        self.kept: list[Any] = []
        if self.name.startswith("constructor-") and self.constructed[self.name] == 1:
            self._tries()

    # --- looking

    async def constructions(self) -> int:
        return self.constructed[self.name]

    async def stepped(self) -> int:
        gc.collect()  # a coroutine that was given up is told once more when it is collected
        return self.steps[self.name]

    async def told(self) -> list[Any]:
        return self.left[self.name]

    async def entries(self) -> dict[str, Any]:
        return await self.ctx.storage.list()

    async def alarm_of(self) -> int | None:
        return await self.ctx.storage.get_alarm()

    async def alarm(self) -> None:
        self.left[self.name].append("the alarm ran")

    async def notes(self, what: Any) -> None:
        self.left[self.name].append(what)

    # --- clinging

    def _tries(self) -> None:
        """Abort, and catch it."""
        with suppress(BaseException):
            self.ctx.abort("enough")

    async def _clings(self) -> None:
        """Catch every end, and begin again."""
        while True:
            try:
                await asyncio.sleep(0)
                self.steps[self.name] += 1
                await asyncio.sleep(LONG)
            except BaseException:  # noqa: BLE001 (that is the case)
                self.steps[self.name] += 1

    async def clings(self, where: str) -> Any:
        """Abort somewhere, and go on there."""
        return await getattr(self, f"_in_{where}")()

    async def _in_handler(self) -> None:
        self._tries()
        await self._clings()

    async def _in_task(self) -> None:
        async def task() -> None:
            self._tries()
            await self._clings()

        self.kept.append(asyncio.create_task(task()))
        await asyncio.sleep(LONG)

    async def _in_beside(self) -> None:
        """A task that has nothing to do with the abort."""
        self.kept.append(asyncio.create_task(self._clings()))
        await asyncio.sleep(0)
        self._tries()

    async def _in_background(self) -> None:
        self.ctx.wait_until(self._clings())
        await asyncio.sleep(0)
        self._tries()

    async def _in_finally(self) -> None:
        try:
            self.ctx.abort("enough")
        finally:
            await self._clings()

    async def _in_generator(self) -> None:
        async def numbers() -> Any:
            try:
                yield 1
                self._tries()
                await self._clings()
            finally:
                await self._clings()

        async for _ in numbers():
            pass

    async def _in_transaction(self) -> None:
        async def closure(txn: Any) -> None:
            await txn.put("in a transaction", 1)
            self._tries()
            await self._clings()

        await self.ctx.storage.transaction(closure)

    async def _in_transaction_that_returns(self) -> None:
        async def closure(txn: Any) -> None:
            await txn.put("in a transaction", 1)
            self._tries()

        try:
            await self.ctx.storage.transaction(closure)
        finally:
            await self._clings()

    async def _in_section(self) -> None:
        async def section() -> None:
            await self.ctx.storage.put("in a section", 1)
            self._tries()
            await self._clings()

        await self.ctx.block_concurrency_while(section)

    async def _in_query(self) -> None:
        """While a query of the object runs in a thread."""
        endless = (
            "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT max(x) FROM n"
        )

        async def beside() -> None:
            await asyncio.to_thread(time.sleep, 0.01)  # a timer would wait for the query
            self._tries()

        self.kept.append(asyncio.create_task(beside()))
        try:
            await self.ctx.storage.sql.exec_in_thread(endless)
        finally:
            await self._clings()

    async def _in_thread(self) -> str:
        """In a thread nothing of this happens."""
        try:
            await asyncio.to_thread(self.ctx.abort, "enough")
        except RuntimeError as error:
            return str(error)
        return "aborted"

    async def _in_stream(self) -> Any:
        self._tries()

        async def chunks() -> Any:
            while True:
                yield b"x"
                await asyncio.sleep(0)

        return chunks()

    # --- what it tries to do then

    async def acts(self, what: str) -> Any:
        """Abort, catch that, and do something that others would see."""
        client, server = WebSocketPair()
        server.accept()
        client.accept()
        self.kept.append(client)
        await self.ctx.storage.put("before", what)
        await self.ctx.storage.sync()
        self._tries()
        try:
            result = getattr(self, f"_act_{what}")(server)
            if asyncio.iscoroutine(result):
                result = await result
            self.left[self.name].append("nothing was said")
        except BaseException as error:  # noqa: BLE001 (that is the case)
            self.left[self.name].append(str(error))
        return "an answer"

    def _act_write(self, _: Any) -> None:
        self.ctx.storage.kv.put("after", 1)

    def _act_sql(self, _: Any) -> None:
        self.ctx.storage.sql.exec("CREATE TABLE after(x)")

    async def _act_alarm(self, _: Any) -> None:
        await self.ctx.storage.set_alarm(1)

    async def _act_call(self, _: Any) -> None:
        await self.env.CLINGER.get_by_name(f"{self.name}-other").notes("called")

    def _act_send(self, _: Any) -> None:
        for socket in self.ctx.get_web_sockets():
            socket.send("after the abort")

    def _act_broadcast(self, _: Any) -> None:
        self.ctx.broadcast("after the abort")

    async def _act_wait_until(self, _: Any) -> None:
        self.ctx.wait_until(self._leaves("wait_until"))
        asyncio.get_running_loop().call_later(0, self.left[self.name].append, "a timer rang")
        self.kept.append(asyncio.create_task(self._leaves("a task")))

    async def _act_section(self, _: Any) -> None:
        await self.ctx.block_concurrency_while(lambda: self._leaves("a section"))

    async def _leaves(self, what: str) -> None:
        self.left[self.name].append(f"{what} ran")

    # --- clients

    async def fetch(self, request: Request) -> Response:
        if request.path.endswith("stream"):
            return Response(await self._in_stream())
        client, server = WebSocketPair()
        self.ctx.accept_web_socket(server)
        return Response(None, status=101, web_socket=client)
