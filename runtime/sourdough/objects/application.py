"""The ASGI app that answers the requests of an object whose class has no `fetch` of its own.

    class Room(DurableObject):
        app = FastAPI()              # or self.app = FastAPI() in __init__

It runs on behalf of the object: its answers pass the output gate, what it does behind an answer
keeps the object in memory, and its lifespan is that of the instance.
"""

from __future__ import annotations

import asyncio
import inspect
import logging
from contextvars import Context
from types import FunctionType
from typing import TYPE_CHECKING, Any

from sourdough.apps.asgi import serve
from sourdough.apps.asgi_socket import serve_socket
from sourdough.apps.kind import app_problem
from sourdough.apps.lifespan import Lifespan
from sourdough.apps.scope import http_scope, socket_scope

if TYPE_CHECKING:
    from sourdough.apps.asgi import AsgiApp
    from sourdough.http import Request, Response
    from sourdough.objects.context import DurableObjectState
    from sourdough.objects.durable_object import DurableObject

log = logging.getLogger("sourdough.objects")

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
        """Return the app of an instance; None where it has none, or an `app` of another meaning."""
        app = _app_of(instance)
        if app is None or app_problem(app) is not None:
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
        if request.wants_socket:
            scope = socket_scope(request, state=self._lifespan.state, extra={})
            return await serve_socket(self._app, scope, self._ctx.wait_until)
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


def _app_of(instance: Any) -> Any:
    """Return `app`; a plain function on the class is an app as it is, not a method."""
    found = inspect.getattr_static(instance, "app", None)
    if isinstance(found, FunctionType) and app_problem(found) is None:
        return found
    return getattr(instance, "app", None)
