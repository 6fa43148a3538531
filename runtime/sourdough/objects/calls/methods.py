"""What of an object may be called or read from outside (semantics 2.3 to 2.5)."""

from __future__ import annotations

import inspect
from types import MemberDescriptorType
from typing import TYPE_CHECKING, Any

from sourdough.objects.calls.remote import RemoteTarget
from sourdough.objects.calls.stub import Path
from sourdough.objects.calls.target import RpcTarget
from sourdough.objects.durable_object import DurableObject

if TYPE_CHECKING:
    from collections.abc import Callable

RESERVED = frozenset({
    "fetch", "connect", "alarm", "web_socket_message", "web_socket_close", "web_socket_error",
    "before_shutdown", "dup", "constructor",
})  # fmt: skip


def find_method(receiver: Any, path: str) -> Callable[..., Any]:
    """Return the bound method. Raises AttributeError or TypeError, naming it.

    Only what stands on the class counts: attributes of the instance, private names and what
    `DurableObject` and `object` bring are not reachable. Names before the last are properties.
    """
    whole = path
    if "." in path:
        holder, _, path = path.rpartition(".")
        receiver = read_property(receiver, holder)
    if not path or isinstance(receiver, RemoteTarget | Path):
        found = getattr(receiver, path) if path else receiver
    else:
        found = _member(receiver, path)
    if not callable(found):
        raise _no_function(whole)
    method: Callable[..., Any] = found
    return method


def is_no_function(error: TypeError, path: str) -> bool:
    """Say whether a call has failed because what it named cannot be called; nothing has run."""
    return getattr(error, "no_function", None) == path


def _no_function(path: str) -> TypeError:
    error = TypeError(f'"{path.rpartition(".")[2]}" is not a function.')
    error.no_function = path  # type: ignore[attr-defined]  # it crosses to callers elsewhere as well
    return error


def read_property(receiver: Any, path: str) -> Any:
    """Return the value of a property; of a dict that a property returned, the value of a key."""
    for name in path.split("."):
        receiver = _member(receiver, name)
    return receiver


def _member(receiver: Any, name: str) -> Any:
    base: type
    if isinstance(receiver, DurableObject):
        base = DurableObject
        if name in RESERVED:
            raise TypeError(f"'{name}' is a reserved method and cannot be called over RPC.")
    elif isinstance(receiver, RpcTarget):
        base = RpcTarget
    else:
        return _part(receiver, name)
    found = None if name.startswith("_") else getattr(type(receiver), name, None)
    own = getattr(receiver, "__dict__", ())
    if found is None or hasattr(base, name) or name in own:
        raise _missing(name)
    if isinstance(found, MemberDescriptorType):  # a slot: an attribute of the instance
        raise _missing(name)
    return getattr(receiver, name)


def _part(value: Any, name: str) -> Any:
    """Return what a name stands for in what a property returned (semantics 2.5)."""
    if isinstance(value, RemoteTarget | Path):
        return getattr(value, name)
    if not isinstance(value, dict) or name not in value:
        raise _missing(name)
    return value[name]


def _missing(name: str) -> AttributeError:
    return AttributeError(f'The RPC receiver does not implement the method "{name}".')


def argument_error(
    method: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any], error: TypeError
) -> TypeError:
    """Return the error of a call whose arguments do not fit, with the signature; else `error`."""
    signature = _signature(method)
    if signature is None:
        return error
    try:
        signature.bind(*args, **kwargs)
    except TypeError:
        name = getattr(method, "__qualname__", type(method).__name__)
        return TypeError(f"{error}; the signature is {name}{signature}")
    return error


def _signature(method: Callable[..., Any]) -> inspect.Signature | None:
    for evaluated in (True, False):
        try:
            return inspect.signature(method, eval_str=evaluated)
        except Exception:  # noqa: BLE001, S112 (written in C, or annotated with what is not there)
            continue
    return None
