"""What `env.NAME` is: ids, and stubs that reach objects wherever they live."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from sourdough.objects.calls.stub import RemoteStub

if TYPE_CHECKING:
    from sourdough.ids import IdFactory, ObjectId
    from sourdough.objects.calls.stub import Caller

T = TypeVar("T")


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
