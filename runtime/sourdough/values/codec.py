"""Values at rest and over links: one format byte, then CBOR (RFC 8949).

What goes in comes out equal and of the same type: None, bool, int, float, str, bytes, list, tuple,
dict with any hashable keys, set, frozenset, datetime, date, time, timedelta, Decimal, UUID, complex,
with shared references and cycles. bytearray and memoryview come back as bytes; an aware datetime
keeps its instant and offset, not the name of its zone. A type of ours may say by `__plain__()` what
plain value stands for it (rows of SQL do). Anything else is refused with its place.
What is read is never an alias of what was written. It is data only: decoding runs no code.
"""

from __future__ import annotations

import datetime as dt
import decimal
from typing import TYPE_CHECKING, Any

from cbor2 import CBORDecodeError, CBOREncodeError, CBORTag, dumps, loads

from sourdough.errors import StorageFormatError
from sourdough.values import tags
from sourdough.values.encoder import (
    MAX_DEPTH,
    SCALARS,
    Encoder,
    SharingFound,
    Substitutes,
    TooDeepError,
    TupleCycleError,
    UnsupportedValueError,
)
from sourdough.values.paths import culprit

if TYPE_CHECKING:
    from collections.abc import Callable

FORMAT = 1
_PREFIX = bytes((FORMAT,))

REFERENCING = b"\x7f"
"""First byte of a value that names things by reference: it means something on one link only."""

# An array inside a tag inside a sharing mark counts several times on the way back.
_DECODE_DEPTH = 4 * MAX_DEPTH + 8


def encode(value: Any) -> bytes:
    """Return the stored form of a value.

    Raises TypeError for a value (or a part, named by its path) of a type that does not come back
    as it was, ValueError for text that is not valid Unicode, nesting beyond 200 levels and a tuple
    that contains itself.
    """
    if type(value) in SCALARS or _is_flat(value):
        try:
            return _PREFIX + dumps(value)
        except UnicodeEncodeError as error:
            raise _refusal(value, error) from None
    return _PREFIX + _encode_container(value)


def encode_arguments(args: tuple[Any, ...], kwargs: dict[str, Any]) -> bytes:
    """Return the form of the arguments of a call; `decode` gives [positional, by name] back.

    Raises as `encode` does.
    """
    if SCALARS.issuperset(map(type, args)) and SCALARS.issuperset(map(type, kwargs.values())):
        try:
            return _PREFIX + dumps((args, kwargs))
        except UnicodeEncodeError:
            pass  # told below, with its place
    return encode((args, kwargs))


def encode_referencing(value: Any, substitute: Callable[[Any], Any]) -> bytes:
    """Return the form of a value of which some parts are no data.

    substitute: given such a part, returns a list or tuple that says where it is, which may hold
    such parts again; None where it cannot be passed. Raises as `encode` does.
    """
    return REFERENCING + _encode_container(value, Substitutes(substitute))


def decode_referencing(data: bytes, restore: Callable[[list[Any]], Any]) -> Any:
    """Return the value that `encode_referencing` was given.

    restore: given what `substitute` returned, returns what stands for the part on this side.
    """
    decoders = {**_DECODERS, tags.REMOTE: lambda address, _immutable: restore(address)}
    return _loads(data[1:], decoders)


def decode(data: bytes) -> Any:
    """Return the value that `encode` was given; a new one at every call.

    Raises StorageFormatError for a newer format, ValueError for bytes that `encode` cannot have
    written.
    """
    if data[:1] != _PREFIX:
        raise _wrong_format(data)
    return _loads(data[1:], _DECODERS)


def _loads(data: bytes, decoders: dict[int, Any]) -> Any:
    try:
        return loads(
            data, semantic_decoders=decoders, tag_hook=_unknown_tag, max_depth=_DECODE_DEPTH
        )
    except (CBORDecodeError, TypeError, ValueError, ArithmeticError) as error:
        raise ValueError(f"the stored value is damaged: {error}") from error


def _is_flat(value: Any) -> bool:
    """Whether a list or dict holds scalars alone: nothing in it can be shared or unsupported."""
    if type(value) is dict:
        return SCALARS.issuperset(map(type, value)) and SCALARS.issuperset(
            map(type, value.values())
        )
    return type(value) is list and SCALARS.issuperset(map(type, value))


def _encode_container(value: Any, substitutes: Substitutes | None = None) -> bytes:
    try:
        try:
            return Encoder(sharing=False, substitutes=substitutes).run(value)
        except SharingFound:
            return Encoder(sharing=True, substitutes=substitutes).run(value)
    except TupleCycleError:
        raise ValueError("a tuple that contains itself cannot be stored; use a list") from None
    except (TooDeepError, RecursionError):
        raise ValueError(f"value is nested deeper than {MAX_DEPTH} levels") from None
    except (UnsupportedValueError, UnicodeEncodeError, CBOREncodeError) as error:
        raise _refusal(value, error) from None


def _refusal(value: Any, error: Exception) -> Exception:
    found = culprit(value)
    if found is None:
        return TypeError(f"value cannot be stored: {error}")
    path, part = found
    if type(part) is str:
        return ValueError(f"{path} is not valid Unicode text: it contains a lone surrogate")
    return TypeError(
        f"{path} is of type {_type_name(part)}, which cannot be stored;"
        " store plain data (dict, list, str, int, bytes, datetime ...) instead"
    )


def _type_name(part: Any) -> str:
    kind = type(part)
    return (
        kind.__qualname__
        if kind.__module__ == "builtins"
        else f"{kind.__module__}.{kind.__qualname__}"
    )


def _wrong_format(data: bytes) -> Exception:
    if not data:
        return ValueError("the stored value is damaged: it is empty")
    if data[0] > FORMAT:
        return StorageFormatError(
            f"a value has format {data[0]}, this version reads formats up to {FORMAT}",
            hint="upgrade Sourdough",
        )
    return ValueError(f"the stored value is damaged: unknown format {data[0]}")


def _unknown_tag(tag: CBORTag, _immutable: bool) -> Any:
    raise ValueError(f"unknown tag {tag.tag}")


def _moment(kind: type[dt.datetime | dt.time], stored: str | list[Any]) -> dt.datetime | dt.time:
    if isinstance(stored, str):
        return kind.fromisoformat(stored)
    text, fold = stored
    return kind.fromisoformat(text).replace(fold=fold)


_DECODERS: dict[int, Any] = {
    tags.TUPLE: lambda value, _immutable: tuple(value),
    tags.FROZENSET: lambda value, _immutable: frozenset(value),
    tags.DATETIME: lambda value, _immutable: _moment(dt.datetime, value),
    tags.DATE: lambda value, _immutable: dt.date.fromisoformat(value),
    tags.TIME: lambda value, _immutable: _moment(dt.time, value),
    tags.TIMEDELTA: lambda value, _immutable: dt.timedelta(*value),
    tags.DECIMAL: lambda value, _immutable: decimal.Decimal(value),
}
