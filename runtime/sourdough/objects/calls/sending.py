"""Arguments and results on their way: encoded, not too large, and refused with their place."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sourdough.objects.calls.addresses import passes
from sourdough.values import encode, encode_referencing
from sourdough.values import encode_arguments as encode_plain
from sourdough.values.paths import culprit

if TYPE_CHECKING:
    from sourdough.objects.calls.session import Session

# What arguments or a result may take as encoded (semantics 2.6).
MAX_VALUE_BYTES = 32 * 1024 * 1024


def encode_limited(value: Any) -> bytes:
    """Encode a value of data alone. Raises ValueError above 32 MiB, TypeError for what is no data."""
    return _limited(encode(value))


def encode_data(value: Any) -> bytes | None:
    """Encode a value of data alone; None for one that has something else in it.

    Raises ValueError above 32 MiB, or for what no encoding carries.
    """
    try:
        data = encode(value)
    except TypeError:
        return None
    return data if len(data) <= MAX_VALUE_BYTES else _limited(data)


def encode_data_arguments(args: tuple[Any, ...], kwargs: dict[str, Any]) -> bytes | None:
    """Encode the arguments of a call; as `encode_data`."""
    try:
        data = encode_plain(args, kwargs)
    except TypeError:
        return None
    return data if len(data) <= MAX_VALUE_BYTES else _limited(data)


def encode_arguments(args: tuple[Any, ...], kwargs: dict[str, Any], session: Session) -> bytes:
    """Encode the arguments of a call, passing by reference what is no data.

    Raises ValueError above 32 MiB, TypeError for what cannot travel, naming its place.
    """
    try:
        return _limited(encode_referencing((args, kwargs), session.address_of))
    except TypeError as error:
        numbered = [(f"args[{number}]", value) for number, value in enumerate(args)]
        named = [(f'kwargs["{name}"]', value) for name, value in kwargs.items()]
        raise _refusal([*numbered, *named], error) from None


def encode_result(value: Any, session: Session) -> bytes:
    """Encode what a method returned or an iterator yielded; raises as `encode_arguments`."""
    try:
        return _limited(encode_referencing(value, session.address_of))
    except TypeError as error:
        raise _refusal([("result", value)], error) from None


def _limited(data: bytes) -> bytes:
    if len(data) > MAX_VALUE_BYTES:
        raise ValueError(
            "Serialized RPC arguments or return values are limited to 32MiB, but the size of "
            f"this value was: {len(data)} bytes."
        )
    return data


def _refusal(values: list[tuple[str, Any]], error: TypeError) -> TypeError:
    for root, value in values:
        found = culprit(value, root, passes)
        if found is not None:
            path, part = found
            kind = type(part)
            known = kind.__module__ == "builtins"
            name = kind.__qualname__ if known else f"{kind.__module__}.{kind.__qualname__}"
            return TypeError(
                f"{path} is of type {name}, which cannot be sent; send plain data (dict, list, "
                "str, int, bytes, datetime ...), or an RpcTarget, function, stub or async iterator"
            )
    return error
