"""Objects that set their alarm and keep account of what it told them."""

from __future__ import annotations

import asyncio
import os
import signal
from datetime import UTC, datetime, timedelta

from sourdough import DurableObject, Request, Response


class Sleeper(DurableObject):
    async def alarm(self, info) -> None:
        storage = self.ctx.storage
        match await storage.get("mode"):
            case "kill" if not await storage.get("killed"):
                await storage.put("killed", True)
                await storage.sync()
                os.kill(os.getpid(), signal.SIGKILL)
            case "slow":
                await asyncio.sleep(1)
        run = {
            "name": self.ctx.id.name,
            "scheduled": info.scheduled_time,
            "late": datetime.now(UTC).timestamp() * 1000 - info.scheduled_time,
            "retries": info.retry_count,
        }
        await storage.put("runs", [*await storage.get("runs", []), run])

    async def fetch(self, request: Request) -> Response:
        storage = self.ctx.storage
        if request.path.endswith("/set"):
            pause = timedelta(milliseconds=float(request.query["in"]))
            await storage.put("mode", request.query.get("mode"))
            await storage.set_alarm(datetime.now(UTC) + pause)
        return Response.json(
            {"alarm": await storage.get_alarm(), "runs": await storage.get("runs", [])}
        )
