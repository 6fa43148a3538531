"""What users make to be called by others: `RpcTarget`."""

from __future__ import annotations


class RpcTarget:
    """Base of classes whose instances travel by reference over RPC.

    An instance passed as an argument or result stays where it is; the other side gets a reference
    whose methods are called here: `await room.join(self.listener)`, `await session.send("hello")`.
    Public methods and properties of the class are reachable, attributes of the instance are not
    (semantics 2.5).
    """

    __slots__ = ("__weakref__",)
