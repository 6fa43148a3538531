"""The entrypoint: reaches the same counters over their stubs."""

from __future__ import annotations

from sourdough import Request, Response, WorkerEntrypoint


class Default(WorkerEntrypoint):
    async def fetch(self, request: Request) -> Response:
        _, way, name, *rest = request.path.split("/")
        counter = self.env.COUNTER.get_by_name(name)
        if way == "chain":
            path = await counter.chain(name, rest[0], int(rest[1]), request.query["door"])
            return Response.json({"path": path})
        if way != "via":
            return Response("nothing here\n", status=404)
        match rest:
            case ["increment"]:
                return Response.json({"value": await counter.increment()})
            case ["held"]:
                return Response.json({"value": await counter.held(request.query["door"])})
            case ["version"]:
                return Response.json({"version": await counter.version()})
            case _:
                return Response.json({"value": await counter.value()})
