"""The base classes of what users write."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, TypeVar

from sourdough.apps.kind import app_problem
from sourdough.objects.event import current_event
from sourdough.objects.failure import NoFetchError

if TYPE_CHECKING:
    from typing_extensions import TypeVar as TypeVarWithDefault

    from sourdough.http import Request, Response
    from sourdough.objects.context import DurableObjectState, EntrypointContext

    EnvT = TypeVarWithDefault("EnvT", default=Any)
else:
    # Defaults of type variables are for type checkers: a class without [Env] takes any.
    EnvT = TypeVar("EnvT")


class DurableObject(Generic[EnvT]):
    """One addressable object: an instance with an id and its own database.

    At most one instance of an id is alive at any moment, in any process. Its methods interleave
    only at `await`; a storage call never yields, so a read-modify-write is safe.

    ctx: the object's id and storage. env: the namespaces and `[vars]` of sourdough.toml; its type
    may be named, as in `DurableObject[Env]`. app: an ASGI app (FastAPI, Starlette, any other) that
    answers the object's requests, of the class or made in `__init__` for the instance.

    before_shutdown: a method of a class that wants to do something before an instance leaves memory
    in good order: `async def before_shutdown(self, reason)`, or without `async`; reason is a
    `ShutdownReason`. It may use the storage, its WebSockets and other objects, and has 10 seconds.
    """

    def __init__(self, ctx: DurableObjectState, env: EnvT) -> None:
        self.ctx = ctx
        self.env: EnvT = env

    async def fetch(self, request: Request) -> Response:
        """Answer an HTTP request to this object: by its `app`, unless the class overrides this.

        Raises NoFetchError where the object has no app.
        """
        event = current_event.get()
        container = None if event is None else event.container
        if container is None or container.application is None:
            name, app = type(self).__name__, getattr(self, "app", None)
            reason = "" if app is None else f": {name}.app {app_problem(app)}"
            raise NoFetchError(f"{name} has no fetch() method and no app{reason}")
        return await container.application.fetch(request)


class WorkerEntrypoint(Generic[EnvT]):
    """The entrypoint of the app: stateless code in front of the objects.

    A class named `Default` in the module that `main` names gets every request that no route
    takes. A new instance is made for each request.
    """

    def __init__(self, ctx: EntrypointContext, env: EnvT) -> None:
        self.ctx = ctx
        self.env: EnvT = env

    async def fetch(self, request: Request) -> Response:
        """Answer an HTTP request. Raises NoFetchError unless the class overrides this."""
        raise NoFetchError(f"{type(self).__name__} has no fetch() method")
