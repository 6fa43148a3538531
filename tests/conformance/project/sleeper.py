"""Objects that are woken: what a run does is told beforehand, what happened is told afterwards."""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict
from typing import Any, ClassVar

from sourdough import DurableObject


class Sleeper(DurableObject):
    scripts: ClassVar[dict[str, list[str]]] = defaultdict(list)
    """What the next runs of an object do, one after another; the last for all that follow."""
    seen: ClassVar[dict[str, list[Any]]] = defaultdict(list)
    """What was seen; neither a reset nor an eviction touches it."""

    constructed: ClassVar[Counter[str]] = Counter()

    def __init__(self, ctx: Any, env: Any) -> None:
        super().__init__(ctx, env)
        self.key = str(ctx.id)
        self.constructed[self.key] += 1
        self.door = asyncio.Event()
        if self.scripts[self.key][:1] == ["postponed by the constructor"]:
            ctx.block_concurrency_while(self._postpone)

    async def _postpone(self) -> None:
        due = await self.ctx.storage.get_alarm()
        if due is not None:
            await self.ctx.storage.set_alarm(due + 60_000)

    # --- from outside

    async def plans(self, *scripts: str) -> None:
        self.scripts[self.key] = list(scripts)

    async def sets(self, due: float) -> None:
        await self.ctx.storage.set_alarm(due)

    async def gets(self) -> int | None:
        return await self.ctx.storage.get_alarm()

    async def deletes(self) -> None:
        await self.ctx.storage.delete_alarm()

    async def deletes_all(self) -> None:
        await self.ctx.storage.delete_all()

    async def saw(self) -> list[Any]:
        return self.seen[self.key]

    async def value(self) -> Any:
        return await self.ctx.storage.get("value")

    async def constructions(self) -> int:
        return self.constructed[self.key]

    async def opens(self) -> None:
        self.door.set()

    async def waits_for_the_door(self) -> None:
        await self.ctx.storage.put("value", "at the door")
        await self.door.wait()

    async def waits_for_the_alarm(self) -> int:
        """Wait until a run has begun; return how many there were."""
        while not self.seen[self.key]:
            await asyncio.sleep(0.001)
        return len(self.seen[self.key])

    async def aborts(self) -> None:
        self.ctx.abort()

    async def sets_and_rolls_back(self, due: int) -> None:
        async def work(txn: Any) -> None:
            await txn.set_alarm(due)
            txn.rollback()

        await self.ctx.storage.transaction(work)

    async def sets_in_a_transaction(self, first: int, second: int) -> list[int | None]:
        """Set through `txn`, look, delete, look, set again."""

        async def work(txn: Any) -> list[int | None]:
            await txn.set_alarm(first)
            looked = [await txn.get_alarm()]
            await txn.delete_alarm()
            looked.append(await txn.get_alarm())
            await txn.set_alarm(second)
            return looked

        return await self.ctx.storage.transaction(work)

    # --- runs

    async def alarm(self, info: Any) -> None:
        scripts = self.scripts[self.key]
        script = scripts.pop(0) if len(scripts) > 1 else scripts[0] if scripts else "fine"
        self.seen[self.key].append([info.retry_count, info.is_retry, info.scheduled_time])
        await getattr(self, "_" + script.replace(" ", "_"))(info)

    async def _fine(self, info: Any) -> None:
        await self.ctx.storage.put("value", self.ctx.id.name)

    _postponed_by_the_constructor = _fine

    async def _looks(self, info: Any) -> None:
        self.seen[self.key].append(await self.ctx.storage.get_alarm())

    async def _fails(self, info: Any) -> None:
        await self.ctx.storage.put("value", "written by a run that failed")
        raise ValueError("as planned")

    async def _looks_and_fails(self, info: Any) -> None:
        await self._looks(info)
        raise ValueError("as planned")

    async def _deletes_and_fails(self, info: Any) -> None:
        await self.ctx.storage.delete_alarm()
        raise ValueError("as planned")

    async def _sets_anew(self, info: Any) -> None:
        await self.ctx.storage.set_alarm(info.scheduled_time + 60_000)

    async def _sets_anew_and_fails(self, info: Any) -> None:
        await self._sets_anew(info)
        raise ValueError("as planned")

    async def _aborts(self, info: Any) -> None:
        self.ctx.abort("as planned")

    async def _aborts_for_good(self, info: Any) -> None:
        self.ctx.abort("as planned", retry_alarm=False)

    async def _waits(self, info: Any) -> None:
        await self.door.wait()
        self.seen[self.key].append("the door is open")
