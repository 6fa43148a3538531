"""`env` for code that runs in a thread: stubs whose calls wait for their result.

environ["sourdough.env"].COUNTER.get_by_name("a").increment(2)    # in a WSGI app
"""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

from sourdough.apps.threads import call, iterate
from sourdough.objects.calls.namespace import DurableObjectNamespace

if TYPE_CHECKING:
    from collections.abc import Callable

    from sourdough.ids import ObjectId


class BlockingEnv:
    """The bindings and `[vars]` of sourdough.toml, as `env`; its namespaces give blocking stubs."""

    __slots__ = ("_env",)

    def __init__(self, env: Any) -> None:
        self._env = env

    def __getattr__(self, name: str) -> Any:
        value = getattr(self._env, name)
        return BlockingNamespace(value) if isinstance(value, DurableObjectNamespace) else value

    def __repr__(self) -> str:
        return f"Blocking{self._env!r}"


class BlockingNamespace:
    """A namespace; see `DurableObjectNamespace`."""

    __slots__ = ("_namespace",)

    def __init__(self, namespace: DurableObjectNamespace[Any]) -> None:
        self._namespace = namespace

    def get(self, object_id: ObjectId) -> BlockingStub:
        """Return a stub. Raises TypeError when the id is of another namespace."""
        return _made(lambda: self._namespace.get(object_id))

    def get_by_name(self, name: str) -> BlockingStub:
        """Return a stub for a name."""
        return _made(lambda: self._namespace.get_by_name(name))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._namespace, name)


class BlockingStub:
    """A stub; a call waits for its result, an iterator of the object is an ordinary one here."""

    __slots__ = ("_stub",)

    def __init__(self, stub: Any) -> None:
        self._stub = stub

    def __getattr__(self, name: str) -> Any:
        value = getattr(self._stub, name)
        return _blocking(value) if callable(value) else value

    def __repr__(self) -> str:
        return f"<Blocking {self._stub!r}>"


def _made(make: Callable[[], Any]) -> BlockingStub:
    async def making() -> BlockingStub:
        return BlockingStub(make())

    return call(making)


def _blocking(method: Callable[..., Any]) -> Callable[..., Any]:
    def calling(*args: Any, **kwargs: Any) -> Any:
        async def begun() -> Any:
            # On the loop: a call takes its place in the order of its stub when it is made.
            result = method(*args, **kwargs)
            return await result if inspect.isawaitable(result) else result

        result: Any = call(begun)
        return iterate(result) if hasattr(result, "__anext__") else result

    calling.__name__ = getattr(method, "__name__", "call")
    return calling
