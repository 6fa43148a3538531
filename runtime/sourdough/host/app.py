"""An ASGI or WSGI app as the entrypoint: `main = "app:api"`.

ASGI   scope["env"], scope["state"]["env"]; a lifespan of the host, up before it takes requests
WSGI   environ["sourdough.env"], whose stubs block; each request in a thread of the host
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from sourdough.apps.asgi import serve
from sourdough.apps.asgi_socket import serve_socket
from sourdough.apps.environ import environ_of
from sourdough.apps.kind import Kind
from sourdough.apps.lifespan import Lifespan
from sourdough.apps.scope import http_scope, socket_scope
from sourdough.apps.wsgi import WsgiThreads
from sourdough.objects.calls.blocking import BlockingEnv
from sourdough.objects.durable_object import WorkerEntrypoint

if TYPE_CHECKING:
    from sourdough.http import Request, Response
    from sourdough.objects.context import EntrypointContext


class AppEntrypoint(WorkerEntrypoint):
    """Stands for an app where a class of the user would stand; `entrypoint_of` makes one."""

    app: ClassVar[Any]
    kind: ClassVar[Kind]


def entrypoint_of(app: Any, kind: Kind, name: str) -> type[AppEntrypoint]:
    """Return what stands for an app; `name` is how people see it."""
    # A function as a member of a class would become a method of its instances.
    return type(name, (AppEntrypoint,), {"app": staticmethod(app), "kind": kind})


class AsgiHost:
    """An ASGI app in one host."""

    def __init__(self, app: Any, env: Any) -> None:
        self._app = app
        self._env = env
        self._lifespan = Lifespan(app, {"env": env})

    async def startup(self) -> None:
        """Run the app's startup. Raises what it raises."""
        await self._lifespan.startup()

    async def fetch(self, request: Request, ctx: EntrypointContext) -> Response:
        """Answer a request."""
        state, extra = self._lifespan.state, {"env": self._env}
        if request.wants_socket:
            scope = socket_scope(request, state=state, extra=extra)
            return await serve_socket(self._app, scope, ctx.wait_until)
        scope = http_scope(request, state=state, extra=extra)
        return await serve(self._app, scope, request, ctx.wait_until)

    async def shutdown(self) -> None:
        """Run the app's shutdown."""
        await self._lifespan.shutdown()


class WsgiHost:
    """A WSGI app in one host."""

    def __init__(self, app: Any, env: Any) -> None:
        self._threads = WsgiThreads(app)
        self._extra = {"sourdough.env": BlockingEnv(env)}

    async def startup(self) -> None:
        """Nothing: threads begin with the first request."""

    async def fetch(self, request: Request, ctx: EntrypointContext) -> Response:
        """Answer a request in a thread."""
        return await self._threads.serve(environ_of(request, extra=self._extra), ctx.wait_until)

    async def shutdown(self) -> None:
        """Let go of the threads."""
        self._threads.close()


def hosted(cls: type[WorkerEntrypoint], env: Any) -> AsgiHost | WsgiHost | None:
    """Return what runs the app of an entrypoint; None for a class of the user."""
    if not issubclass(cls, AppEntrypoint):
        return None
    return AsgiHost(cls.app, env) if cls.kind is Kind.ASGI else WsgiHost(cls.app, env)
