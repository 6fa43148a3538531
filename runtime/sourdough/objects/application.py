"""The ASGI app that answers the requests of an object whose class has no `fetch` of its own.

    class Room(DurableObject):
        app = FastAPI()              # or self.app = FastAPI() in __init__

It runs on behalf of the object: its answers pass the output gate, what it does behind an answer
keeps the object in memory, and its lifespan is that of the instance.
"""

from __future__ import annotations

import asyncio
import logging
from contextvars import Context
from typing import TYPE_CHECKING, Any

from sourdough.apps.asgi import serve
from sourdough.apps.kind import Kind, NotAnAppError, kind_of
from sourdough.apps.lifespan import Lifespan
from sourdough.apps.scope import http_scope
from sourdough.http import Response
from sourdough.objects.durable_object import DurableObject

if TYPE_CHECKING:
    from sourdough.apps.asgi import AsgiApp
    from sourdough.http import Request
    from sourdough.objects.context import DurableObjectState

log = logging.getLogger("sourdough.objects")

UPGRADE_SENTENCE = "This object's app cannot take WebSockets yet."

# Shutdowns of instances that were reset: nobody waits for them.
_ending: set[asyncio.Task[None]] = set()


class Application:
    """An instance's app."""

    __slots__ = ("_app", "_ctx", "_lifespan")

    def __init__(self, app: AsgiApp, ctx: DurableObjectState, state: dict[str, Any]) -> None:
        self._app = app
        self._ctx = ctx
        self._lifespan = Lifespan(app, state)

    @classmethod
    def of(
        cls, instance: DurableObject[Any], ctx: DurableObjectState, env: Any
    ) -> Application | None:
        """Return the app of an instance, None where it has none.

        Raises TypeError where the class leaves `fetch` to an `app` that is no ASGI app.
        """
        app = getattr(instance, "app", None)
        problem = None if app is None else app_problem(app)
        if app is None or problem is not None:
            if app is not None and type(instance).fetch is DurableObject.fetch:
                raise TypeError(f"{type(instance).__name__}.app {problem}")
            return None
        return cls(app, ctx, {"object": instance, "env": env})

    async def startup(self) -> None:
        """Run the app's startup. Raises what it raises: the object cannot be used then."""
        try:
            await self._lifespan.startup()
        except Exception:
            log.exception("the startup of an app failed")
            raise

    async def fetch(self, request: Request) -> Response:
        """Answer a request."""
        if (request.headers.get("upgrade") or "").lower() == "websocket":
            return Response.json({"error": UPGRADE_SENTENCE}, status=501)
        scope = http_scope(request, state=self._lifespan.state, extra={})
        return await serve(self._app, scope, request, self._ctx.wait_until)

    async def shutdown(self) -> None:
        """Run the app's shutdown; the storage is still open."""
        await self._lifespan.shutdown()

    def end(self) -> None:
        """The instance was reset: run the app's shutdown, whose storage is closed already."""
        # In a context of its own: what belongs to a dead instance would be cancelled.
        loop = asyncio.get_running_loop()
        task = asyncio.Task(self.shutdown(), loop=loop, context=Context())
        _ending.add(task)
        task.add_done_callback(_ending.discard)


def app_problem(app: Any) -> str | None:
    """Say why something cannot be an object's app; None when it can."""
    try:
        if kind_of(app) is Kind.ASGI:
            return None
    except NotAnAppError as error:
        return f"{error}; an object takes an ASGI app"
    return "is a WSGI app; an object takes an ASGI app, whose code runs on the object's loop"
