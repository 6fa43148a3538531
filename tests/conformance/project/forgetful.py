"""An object whose class loses its `alarm` between two servers: a case edits this file."""

from __future__ import annotations

from typing import Any

from sourdough import DurableObject


class Forgetful(DurableObject):
    async def sets(self, due: float) -> None:
        await self.ctx.storage.set_alarm(due)

    async def gets(self) -> int | None:
        return await self.ctx.storage.get_alarm()

    async def alarm(self, info: Any) -> None:
        raise ValueError("it should have been forgotten")
