"""An object whose requests a FastAPI app answers."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from contextlib import asynccontextmanager
from typing import Any, ClassVar

from fastapi import BackgroundTasks, FastAPI
from fastapi import Request as AppRequest
from fastapi.responses import StreamingResponse

from sourdough import DurableObject

CHUNK = bytes(64 * 1024)


@asynccontextmanager
async def lifespan(app: FastAPI) -> Any:
    yield {"started": True}


api = FastAPI(lifespan=lifespan)


@api.post("/count")
async def count(request: AppRequest) -> dict[str, Any]:
    studio = request.state.object
    value = await studio.ctx.storage.get("value", 0) + 1
    await studio.ctx.storage.put("value", value)
    return {"value": value, "name": studio.ctx.id.name, "started": request.state.started}


@api.get("/where")
async def where(request: AppRequest) -> dict[str, str]:
    return {"root": request.scope["root_path"], "url": request.url_for("where").path}


@api.get("/broken")
async def broken() -> None:
    raise LookupError("a secret of the app")


@api.get("/later")
async def later(request: AppRequest, tasks: BackgroundTasks) -> str:
    tasks.add_task(request.state.object.ctx.storage.put, "later", "done")
    return "now"


@api.get("/kept")
async def kept(request: AppRequest) -> Any:
    return await request.state.object.ctx.storage.get("later")


@api.get("/events")
async def events(request: AppRequest) -> StreamingResponse:
    studio = request.state.object

    async def lines() -> Any:
        try:
            yield b"data: first\n\n"
            await studio.doors["events"].wait()
            yield b"data: second\n\n"
        finally:
            studio.left["events"] = True

    return StreamingResponse(lines(), media_type="text/event-stream")


@api.post("/open")
async def opens(request: AppRequest) -> None:
    request.state.object.doors["events"].set()


@api.get("/left")
async def left(request: AppRequest) -> bool:
    return request.state.object.left["events"]


@api.get("/download")
async def download(mb: int) -> StreamingResponse:
    async def pieces() -> Any:
        for _ in range(mb * 16):
            yield CHUNK

    return StreamingResponse(pieces())


@api.post("/upload")
async def upload(request: AppRequest) -> int:
    return sum([len(chunk) async for chunk in request.stream()])


class Studio(DurableObject):
    app: ClassVar[FastAPI] = api

    def __init__(self, ctx: Any, env: Any) -> None:
        super().__init__(ctx, env)
        self.doors: dict[str, asyncio.Event] = defaultdict(asyncio.Event)
        self.left: dict[str, bool] = defaultdict(bool)
