"""What `env.NAME` is: ids, and stubs that reach objects wherever they live."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

from sourdough.http import Headers, Request, Response

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from sourdough.http.headers import HeadersInit
    from sourdough.ids import IdFactory, ObjectId

T = TypeVar("T")


class Caller(Protocol):
    """Delivers what stubs send; the host implements it."""

    def new_order(self) -> Any:
        """Return what keeps the calls of a new stub in order; handed back with each of them."""
        ...

    async def fetch(self, key: bytes, name: str | None, request: Request, order: Any) -> Response:
        """Send a request to the object under `key` (storage name + id)."""
        ...

    async def call(
        self,
        key: bytes,
        name: str | None,
        method: str,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        order: Any,
    ) -> Any:
        """Call a method of the object under `key`."""
        ...


class RemoteStub:
    """Reaches one object. `id` and `name` are its own; any other attribute is a method of the
    object: `await stub.increment(2)` (semantics 1.11). Making a stub sends nothing (1.7).
    """

    __slots__ = ("_caller", "_key", "_order", "id", "name")

    def __init__(self, caller: Caller, storage_name: str, object_id: ObjectId) -> None:
        self._caller = caller
        self._order = caller.new_order()
        self._key = storage_name.encode() + object_id.raw
        self.id = object_id
        self.name = object_id.name

    async def fetch(
        self,
        request: Request | str,
        *,
        method: str = "GET",
        headers: Headers | HeadersInit | None = None,
        body: Any = None,
    ) -> Response:
        """Send an HTTP request to the object: a Request, or a URL or path and its parts."""
        if isinstance(request, str):
            request = Request(request, method=method, headers=headers, body=body)
        return await self._caller.fetch(self._key, self.name, request, self._order)

    def __getattr__(self, method: str) -> Callable[..., Coroutine[Any, Any, Any]]:
        if method.startswith("__"):
            raise AttributeError(method)

        def call(*args: Any, **kwargs: Any) -> Coroutine[Any, Any, Any]:
            return self._caller.call(self._key, self.name, method, args, kwargs, self._order)

        call.__name__ = method
        return call

    def __repr__(self) -> str:
        return f"<RemoteStub {self.name or str(self.id)[:12]!r}>"


class DurableObjectNamespace(Generic[T]):
    """All objects of one class, as bound to a name in `env`."""

    __slots__ = ("_caller", "_ids", "_storage_name", "binding")

    def __init__(self, binding: str, storage_name: str, ids: IdFactory, caller: Caller) -> None:
        self.binding = binding
        self._storage_name = storage_name
        self._ids = ids
        self._caller = caller

    def id_from_name(self, name: str) -> ObjectId:
        """Return the id of a name; always the same, nothing is created (semantics 1.3)."""
        return self._ids.from_name(name)

    def new_unique_id(self) -> ObjectId:
        """Return an id that nobody else has (semantics 1.4)."""
        return self._ids.unique(os.urandom(16))

    def id_from_string(self, text: str) -> ObjectId:
        """Return the id that 64 hex digits stand for. Raises TypeError (semantics 1.5)."""
        return self._ids.from_string(text)

    def get(self, object_id: ObjectId) -> RemoteStub:
        """Return a stub. Raises TypeError when the id is of another namespace."""
        if not self._ids.owns(object_id.raw):
            raise TypeError("Durable Object ID is not valid for this namespace.")
        return RemoteStub(self._caller, self._storage_name, object_id)

    def get_by_name(self, name: str) -> RemoteStub:
        """Return a stub for a name: `get(id_from_name(name))`."""
        return RemoteStub(self._caller, self._storage_name, self._ids.from_name(name))

    def __repr__(self) -> str:
        return f"<DurableObjectNamespace {self.binding}>"


class Env:
    """The bindings and `[vars]` of sourdough.toml, as attributes."""

    def __init__(self, values: dict[str, Any]) -> None:
        self.__dict__.update(values)

    def __getattr__(self, name: str) -> Any:
        known = ", ".join(sorted(self.__dict__)) or "none"
        raise AttributeError(f"env has no {name}; sourdough.toml defines: {known}")

    def __repr__(self) -> str:
        return f"Env({', '.join(sorted(self.__dict__))})"
