"""The base classes of what users write."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sourdough.http import Request, Response
    from sourdough.objects.context import DurableObjectState, EntrypointContext


class DurableObject:
    """One addressable object: an instance with an id and its own database.

    At most one instance of an id is alive at any moment, in any process. Its methods interleave
    only at `await`; a storage call never yields, so a read-modify-write is safe.

    ctx: the object's id and storage. env: the namespaces and `[vars]` of sourdough.toml.
    """

    def __init__(self, ctx: DurableObjectState, env: Any) -> None:
        self.ctx = ctx
        self.env = env

    async def fetch(self, request: Request) -> Response:
        """Answer an HTTP request to this object; a class that has routes overrides it."""
        raise NotImplementedError(f"{type(self).__name__} has no fetch() method")


class WorkerEntrypoint:
    """The entrypoint of the app: stateless code in front of the objects.

    A class named `Default` in the module that `main` names gets every request that no route
    takes. A new instance is made for each request.
    """

    def __init__(self, ctx: EntrypointContext, env: Any) -> None:
        self.ctx = ctx
        self.env = env

    async def fetch(self, request: Request) -> Response:
        """Answer an HTTP request."""
        raise NotImplementedError(f"{type(self).__name__} has no fetch() method")
