"""An object that streams: bodies in, bodies out, through another object, from an ASGI app."""

from __future__ import annotations

from fastapi import FastAPI
from fastapi import Request as FastRequest
from fastapi.responses import StreamingResponse

from sourdough import DurableObject, Request, Response

CHUNK = bytes(64 * 1024)


async def pieces(megabytes: int):
    for _ in range(megabytes * 16):
        yield CHUNK


class Streamer(DurableObject):
    async def fetch(self, request: Request) -> Response:
        megabytes = int(request.query.get("mb", "0"))
        if request.path.endswith("/relay"):
            other = self.env.STREAMER.get_by_name(f"{self.ctx.id.name}-other")
            return await other.fetch(f"/download?mb={megabytes}")
        if request.method == "POST":
            size = 0
            async for chunk in request.stream():
                size += len(chunk)
            return Response.json({"size": size})
        return Response(pieces(megabytes))


api = FastAPI()


@api.get("/download")
async def download(mb: int):
    return StreamingResponse(pieces(mb))


@api.post("/upload")
async def upload(request: FastRequest):
    size = 0
    async for chunk in request.stream():
        size += len(chunk)
    return {"size": size}


class App(DurableObject):
    app = api
