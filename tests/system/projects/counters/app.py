"""The entrypoint: reaches the same counters over their stubs."""

from __future__ import annotations

from sourdough import Request, Response, WorkerEntrypoint


class Default(WorkerEntrypoint):
    async def fetch(self, request: Request) -> Response:
        _, way, name, *rest = request.path.split("/")
        counter = self.env.COUNTER.get_by_name(name)
        if way == "chain":
            return Response.json({"path": await counter.chain(name, rest[0], int(rest[1]))})
        if way != "via":
            return Response("nothing here\n", status=404)
        match rest:
            case ["increment"]:
                return Response.json({"value": await counter.increment()})
            case ["slow"]:
                return Response.json({"value": await counter.slow(float(request.query["seconds"]))})
            case ["version"]:
                return Response.json({"version": await counter.version()})
            case _:
                return Response.json({"value": await counter.value()})
