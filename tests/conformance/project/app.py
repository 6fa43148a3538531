"""The entrypoint: calls a method of an object, or runs a scenario, as JSON asks."""

from __future__ import annotations

from typing import Any

import borrowers
import callers
import relays

from sourdough import Request, Response, WorkerEntrypoint


class Default(WorkerEntrypoint):
    async def fetch(self, request: Request) -> Response:
        if "upgrade" in request.headers:
            return await relays.take(self.env, self.ctx, request)
        wanted = await request.json()
        try:
            return Response.json({"result": await self._answer(wanted)})
        except Exception as error:  # noqa: BLE001 (whatever a caller sees is what the case is about)
            return Response.json({"error": callers.seen(error)})

    async def _answer(self, wanted: dict[str, Any]) -> Any:
        if "scenario" in wanted:
            name = wanted["scenario"]
            scenario = getattr(callers, name, None) or getattr(borrowers, name)
            return await scenario(self.env, *wanted["arguments"])
        namespace = getattr(self.env, wanted["binding"])
        stub = (
            namespace.get_by_name(wanted["name"])
            if "name" in wanted
            else namespace.get(namespace.id_from_string(wanted["id"]))
        )
        return await getattr(stub, wanted["method"])(*wanted["arguments"], **wanted["named"])
