"""Which methods of an object may be called from outside (semantics 2.3, 2.4)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sourdough.objects.durable_object import DurableObject
from sourdough.values import encode

if TYPE_CHECKING:
    from collections.abc import Callable

RESERVED = frozenset({
    "fetch", "connect", "alarm", "web_socket_message", "web_socket_close", "web_socket_error",
    "dup", "constructor",
})  # fmt: skip

# What arguments or a result may take as encoded (semantics 2.6).
MAX_VALUE_BYTES = 32 * 1024 * 1024


def encode_limited(value: Any) -> bytes:
    """Encode arguments or a result. Raises ValueError above 32 MiB, TypeError for no value."""
    data = encode(value)
    if len(data) > MAX_VALUE_BYTES:
        raise ValueError(
            "Serialized RPC arguments or return values are limited to 32MiB, but the size of "
            f"this value was: {len(data)} bytes."
        )
    return data


def find_method(instance: DurableObject, name: str) -> Callable[..., Any]:
    """Return the bound method. Raises AttributeError or TypeError, naming the method.

    Only what stands on the class counts: attributes of the instance, private names and what
    `DurableObject` and `object` bring are not reachable.
    """
    if name in RESERVED:
        raise TypeError(f"'{name}' is a reserved method and cannot be called over RPC.")
    cls = type(instance)
    found = None if name.startswith("_") else getattr(cls, name, None)
    inherited = hasattr(DurableObject, name)
    if found is None or inherited or name in vars(instance):
        raise AttributeError(f'The RPC receiver does not implement the method "{name}".')
    if not callable(found):
        raise TypeError(f'"{name}" is not a function.')
    method: Callable[..., Any] = getattr(instance, name)
    return method
