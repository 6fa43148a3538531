"""The entrypoint, for what no route takes; can misbehave as well."""

from __future__ import annotations

from sourdough import Request, Response, WorkerEntrypoint


class Default(WorkerEntrypoint):
    async def fetch(self, request: Request) -> Response:
        if request.path == "/raise":
            raise ValueError("the entrypoint failed")
        if request.path == "/wrong":
            return {"not": "a response"}
        if request.path.startswith("/call/"):
            _, _, name, method = request.path.split("/")
            return Response.json(
                {"value": await getattr(self.env.FAULTY.get_by_name(name), method)()}
            )
        return Response(f"{len(await request.bytes())}")
