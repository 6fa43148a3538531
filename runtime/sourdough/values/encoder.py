"""Turns one value into CBOR, exactly or not at all.

Types are compared exactly: a subclass (a named tuple, an IntEnum, a defaultdict) would come back as
something else, so it is refused. A first pass writes a plain tree; when it meets the same container
a second time, a second pass writes every container as shared (tag 28), which keeps identity and
cycles. Depth is bounded here because the CBOR library recurses on the C stack without a bound.
"""

from __future__ import annotations

import datetime as dt
import decimal
import uuid
from typing import TYPE_CHECKING, Any

from cbor2 import dumps

from sourdough.values import tags

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

MAX_DEPTH = 200

# Types whose one canonical CBOR form the library writes, without any container inside.
SCALARS: frozenset[type] = frozenset((type(None), bool, int, float, str, bytes, uuid.UUID, complex))

_TUPLE = tags.head(tags.TAG_MAJOR, tags.TUPLE)
_FROZENSET = tags.head(tags.TAG_MAJOR, tags.FROZENSET)
_SET = tags.head(tags.TAG_MAJOR, tags.SET)
_SHARED = tags.head(tags.TAG_MAJOR, tags.SHARED)
_REFERENCE = tags.head(tags.TAG_MAJOR, tags.REFERENCE)
_DATETIME = tags.head(tags.TAG_MAJOR, tags.DATETIME)
_DATE = tags.head(tags.TAG_MAJOR, tags.DATE)
_TIME = tags.head(tags.TAG_MAJOR, tags.TIME)
_TIMEDELTA = tags.head(tags.TAG_MAJOR, tags.TIMEDELTA)
_DECIMAL = tags.head(tags.TAG_MAJOR, tags.DECIMAL)
_REMOTE = tags.head(tags.TAG_MAJOR, tags.REMOTE)


class SharingFound(Exception):  # noqa: N818 (a signal between the two passes, never seen outside)
    """A container occurs twice: write the value again with sharing."""


class UnsupportedValueError(Exception):
    """Something that cannot be encoded; `values.paths` finds out where it is."""


class TooDeepError(Exception):
    """Containers are nested deeper than MAX_DEPTH."""


class TupleCycleError(Exception):
    """A tuple contains itself through a mutable container; it could not be rebuilt in order."""


class Substitutes:
    """What stands for the parts of a value that travel by reference; asked once for each part."""

    __slots__ = ("_found", "_substitute")

    def __init__(self, substitute: Callable[[Any], Any]) -> None:
        """substitute: returns what to write instead of a part, or None where there is nothing."""
        self._substitute = substitute
        # Keeps both alive: other objects would get their ids, and look like repetitions.
        self._found: dict[int, tuple[Any, Any]] = {}

    def of(self, value: Any) -> Any:
        found = self._found.get(id(value))
        if found is None:
            found = self._found[id(value)] = (value, self._substitute(value))
        return found[1]


class Encoder:
    """One pass over one value."""

    __slots__ = ("_depth", "_index", "_open_tuples", "_out", "_seen", "_sharing", "_substitutes")

    def __init__(self, *, sharing: bool, substitutes: Substitutes | None = None) -> None:
        self._substitutes = substitutes
        self._out: list[bytes] = []
        self._seen: set[int] = set()
        self._index: dict[int, int] = {}
        self._open_tuples: set[int] = set()
        self._sharing = sharing
        self._depth = 0

    def run(self, value: Any) -> bytes:
        """Return the CBOR of a value; raise one of this file's exceptions where there is none."""
        self._item(value)
        return b"".join(self._out)

    def _item(self, value: Any) -> None:
        kind = type(value)
        if kind in SCALARS:
            self._out.append(dumps(value))
            return
        writer = _WRITERS.get(kind)
        if writer is not None:
            writer(self, value)
        elif hasattr(kind, "__plain__"):
            self._item(value.__plain__())
        else:
            self._remote(value)

    def _remote(self, value: Any) -> None:
        """Write what stands for a value that is no data. It may hold such values itself."""
        address = None if self._substitutes is None else self._substitutes.of(value)
        if address is None:
            raise UnsupportedValueError
        self._out.append(_REMOTE + tags.head(tags.ARRAY_MAJOR, len(address)))
        for item in address:
            self._item(item)

    def _list(self, value: list[Any]) -> None:
        if self._first_time(value, b""):
            self._array(value)

    def _set(self, value: set[Any]) -> None:
        if self._first_time(value, b""):
            self._out.append(_SET)
            self._array(value)

    def _frozenset(self, value: frozenset[Any]) -> None:
        if self._first_time(value, _FROZENSET):
            self._array(value)

    def _tuple(self, value: tuple[Any, ...]) -> None:
        if id(value) in self._open_tuples:
            raise TupleCycleError
        if self._first_time(value, _TUPLE):
            self._open_tuples.add(id(value))
            self._array(value)
            self._open_tuples.discard(id(value))

    def _dict(self, value: dict[Any, Any]) -> None:
        if not self._first_time(value, b""):
            return
        if SCALARS.issuperset(map(type, value)) and SCALARS.issuperset(map(type, value.values())):
            self._out.append(dumps(value))
            return
        self._enter()
        self._out.append(tags.head(tags.MAP_MAJOR, len(value)))
        for key, item in value.items():
            self._item(key)
            self._item(item)
        self._depth -= 1

    def _array(self, value: Collection[Any]) -> None:
        """Write the elements; scalars alone go to the library in one call."""
        if SCALARS.issuperset(map(type, value)):
            self._out.append(dumps(value if type(value) is list else list(value)))
            return
        self._enter()
        self._out.append(tags.head(tags.ARRAY_MAJOR, len(value)))
        for item in value:
            self._item(item)
        self._depth -= 1

    def _first_time(self, value: Collection[Any], tag: bytes) -> bool:
        """Write what stands in front of a container; False: a reference, which says all of it.

        `tag` makes an immutable container of an array. It stands outside the sharing, because the
        array is what a decoder can register before it is full.
        """
        if tag:
            self._out.append(tag)
        key = id(value)
        if not self._sharing:
            # Equal empty immutables are one object to Python: that they repeat means nothing.
            if key in self._seen and (value or not tag):
                raise SharingFound
            self._seen.add(key)
            return True
        index = self._index.get(key)
        if index is not None:
            self._out.append(_REFERENCE + tags.head(0, index))
            return False
        self._index[key] = len(self._index)
        self._out.append(_SHARED)
        return True

    def _enter(self) -> None:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise TooDeepError

    def _bytes(self, value: bytearray | memoryview) -> None:
        self._out.append(dumps(bytes(value)))

    def _datetime(self, value: dt.datetime) -> None:
        self._out.append(_DATETIME + _moment(value))

    def _date(self, value: dt.date) -> None:
        self._out.append(_DATE + dumps(value.isoformat()))

    def _time(self, value: dt.time) -> None:
        self._out.append(_TIME + _moment(value))

    def _timedelta(self, value: dt.timedelta) -> None:
        self._out.append(_TIMEDELTA + dumps([value.days, value.seconds, value.microseconds]))

    def _decimal(self, value: decimal.Decimal) -> None:
        self._out.append(_DECIMAL + dumps(str(value)))


def _moment(value: dt.datetime | dt.time) -> bytes:
    if value.tzinfo is not None and value.utcoffset() is None:
        raise UnsupportedValueError("its time zone has no offset without a date")
    text = value.isoformat()
    return dumps([text, 1] if value.fold else text)


_WRITERS: dict[type, Callable[[Encoder, Any], None]] = {
    list: Encoder._list,  # noqa: SLF001 (the table of the class above)
    tuple: Encoder._tuple,  # noqa: SLF001
    dict: Encoder._dict,  # noqa: SLF001
    set: Encoder._set,  # noqa: SLF001
    frozenset: Encoder._frozenset,  # noqa: SLF001
    bytearray: Encoder._bytes,  # noqa: SLF001
    memoryview: Encoder._bytes,  # noqa: SLF001
    dt.datetime: Encoder._datetime,  # noqa: SLF001
    dt.date: Encoder._date,  # noqa: SLF001
    dt.time: Encoder._time,  # noqa: SLF001
    dt.timedelta: Encoder._timedelta,  # noqa: SLF001
    decimal.Decimal: Encoder._decimal,  # noqa: SLF001
}

SUPPORTED: frozenset[type] = SCALARS | _WRITERS.keys()
