"""`route`: from a request to the object it is for, as a function and as an ASGI app."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any, overload

from sourdough.http import Request, Response
from sourdough.ids import ObjectId
from sourdough.library.socket_visit import SocketVisit
from sourdough.library.visit import Visit, sentence

if TYPE_CHECKING:
    from collections.abc import Callable

    from sourdough.library.cluster import ClusterCoordinator
    from sourdough.library.visit import Receive, Scope, Send
    from sourdough.objects.durable_object import DurableObject

    IdExtractor = Callable[[Request], Any]
    """Returns the name or the id of the object that a request is for, or an awaitable of it."""

_PARAMETER = "id"


def route(
    coordinator: ClusterCoordinator,
    cls: type[DurableObject],
    id_extractor: IdExtractor | None = None,
) -> Route:
    """Return what leads requests to the objects of a class.

        app.mount("/chat", route(coordinator, ChatRoom))      # Starlette, FastAPI: an ASGI app
        response = await route(coordinator, ChatRoom)(request)      # a function

    id_extractor: gets the Request and returns a name or an id; plain or async. The default is the
    query parameter `id`. A request that names no object is answered with 400. Raises TypeError and
    ConfigFaults for a class that hosts cannot run.
    """
    return Route(coordinator, cls, id_extractor or _query_parameter)


class Route:
    """Leads requests to the objects of one class; made by `route`."""

    def __init__(
        self, coordinator: ClusterCoordinator, cls: type[DurableObject], id_extractor: IdExtractor
    ) -> None:
        self._coordinator = coordinator
        self._cls = cls
        self._id_extractor = id_extractor
        coordinator.namespace(cls)  # known from now on, so that hosts start with it

    @overload
    async def __call__(self, request: Request, /) -> Response: ...
    @overload
    async def __call__(self, scope: Scope, receive: Receive, send: Send, /) -> None: ...
    async def __call__(
        self,
        request: Request | Scope,
        receive: Receive | None = None,
        send: Send | None = None,
        /,
    ) -> Response | None:
        """Answer a request, or serve as an ASGI app; as a function it raises what stubs raise."""
        if isinstance(request, Request):
            return await self._respond(request)
        if receive is None or send is None:
            raise TypeError(
                f"expected a sourdough.Request, or scope, receive and send; got {request!r}"
            )
        await self._asgi(request, receive, send)
        return None

    async def _respond(self, request: Request) -> Response:
        found = self._id_extractor(request)
        if inspect.isawaitable(found):
            found = await found
        if found is None or found == "":
            return sentence(400, self._nothing_named())
        if not isinstance(found, str | ObjectId):
            raise TypeError(f"the id_extractor returned {found!r}, neither a name nor an id")
        try:
            stub = self._coordinator.get(found, self._cls)
        except (TypeError, ValueError) as error:
            return sentence(400, str(error))
        return await stub.fetch(request)

    def _nothing_named(self) -> str:
        if self._id_extractor is _query_parameter:
            return f"The query parameter {_PARAMETER} is missing: it names the object."
        return "The request names no object."

    async def _asgi(self, scope: Scope, receive: Receive, send: Send) -> None:
        kind = scope["type"]
        if kind == "http":
            await Visit(scope, receive, send).answer(self._respond)
        elif kind == "lifespan":
            await self._lifespan(receive, send)
        elif kind == "websocket":
            await SocketVisit(scope, receive, send).answer(self._respond)

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        """Run the coordinator, where this is the whole app: `uvicorn module:chat`."""
        await receive()
        try:
            await self._coordinator.start()
        except Exception as error:  # noqa: BLE001 (the server ends with the sentence)
            await send({"type": "lifespan.startup.failed", "message": str(error)})
            return
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await self._coordinator.close()
        await send({"type": "lifespan.shutdown.complete"})


def _query_parameter(request: Request) -> str | None:
    return request.query.get(_PARAMETER)
