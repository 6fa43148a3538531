"""Rows of a query: values by position, by name and by attribute."""

from __future__ import annotations

from functools import lru_cache
from operator import itemgetter
from sys import getsizeof
from typing import Any, ClassVar

import apsw


class Row(tuple[Any, ...]):
    """One row. `row[0]`, `row["name"]` and `row.name` are the same; equal to a plain tuple.

    A name that occurs twice means the last of its columns. Over RPC and in storage a row becomes
    a dict.
    """

    __slots__ = ()
    _positions: ClassVar[dict[str, int]] = {}

    def __getitem__(self, key: Any) -> Any:
        if type(key) is str:
            try:
                return tuple.__getitem__(self, self._positions[key])
            except KeyError:
                raise KeyError(
                    f"no column {key!r}; there are {', '.join(self._positions)}"
                ) from None
        return tuple.__getitem__(self, key)

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(f"no column {name!r}; there are {', '.join(self._positions)}")

    def keys(self) -> tuple[str, ...]:
        """Return the names of the columns."""
        return tuple(self._positions)

    def as_dict(self) -> dict[str, Any]:
        """Return {name: value}."""
        return {name: tuple.__getitem__(self, at) for name, at in self._positions.items()}

    def __plain__(self) -> dict[str, Any]:
        """Say what stands for a row in `values`: its dict."""
        return self.as_dict()

    def __repr__(self) -> str:
        inside = ", ".join(f"{name}={value!r}" for name, value in self.as_dict().items())
        return f"Row({inside})"


def size_of(values: tuple[Any, ...]) -> int:
    """Return how many bytes a row takes in memory."""
    return getsizeof(values) + sum(map(getsizeof, values))


def too_large(limit: int) -> str:
    """Return what is said of a result that is not held in memory (semantics 5.3.9)."""
    return (
        f"SQL query result set is too large to fit in memory: more than {limit} bytes"
        " (limits.sql_result_bytes). Iterate over the cursor, or ask for less."
    )


def columns_of(source: apsw.Cursor) -> tuple[str, ...]:
    """Return the names of a result's columns; none where the statement has ended already."""
    try:
        return tuple(column[0] for column in source.get_description())
    except apsw.ExecutionCompleteError:
        return ()


@lru_cache(maxsize=512)
def row_class(columns: tuple[str, ...]) -> type[Row]:
    """Return the class of rows with these columns; made once, so that attributes cost nothing."""
    positions = {name: at for at, name in enumerate(columns)}
    members: dict[str, Any] = {"__slots__": (), "_positions": positions}
    for name, at in positions.items():
        if name.isidentifier() and not name.startswith("_"):
            members[name] = property(itemgetter(at))
    for kept in ("keys", "as_dict"):
        members.pop(kept, None)
    return type("Row", (Row,), members)
