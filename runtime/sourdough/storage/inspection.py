"""A report on what one object keeps, made from its connection: live through its host, or offline.

Only reads. Rows are counted up to a bound, so that looking at a giant does not stall its host.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import apsw
import msgspec

from sourdough.errors import SourdoughError
from sourdough.storage.facet_index import facet_numbers
from sourdough.storage.meta import read_meta
from sourdough.values import decode

if TYPE_CHECKING:
    from pathlib import Path

ENTRY_LIMIT = 100

_REPR_LENGTH = 200
_COUNT_LIMIT = 1_000_000


class EntryReport(msgspec.Struct, frozen=True, kw_only=True):
    """One entry of the key-value store."""

    key: str
    type: str
    """The Python type of the value; "?" where it cannot be read."""
    size: int
    """Bytes as stored."""
    value: str
    """The value's repr, cut to 200 characters."""


class TableReport(msgspec.Struct, frozen=True, kw_only=True):
    """One table of the user."""

    name: str
    kind: str
    """"table", "full-text index of <columns>" or "virtual"."""
    rows: int | None
    """At most 1,000,000 are counted; None where the table cannot be read."""
    columns: str
    """As in CREATE TABLE: "id INTEGER PRIMARY KEY, body TEXT"."""


class ObjectReport(msgspec.Struct, frozen=True, kw_only=True):
    """Everything there is to see about one object's data."""

    storage_name: str
    class_name: str
    id: str
    name: str | None
    file_size: int
    """Bytes of the database file; 0 for an object that has none yet."""
    wal_size: int
    database_size: int
    """Bytes in use inside, free pages not counted."""
    created: float
    alarm: float | None
    entries: tuple[EntryReport, ...]
    """The first entries in key order."""
    entry_count: int
    tables: tuple[TableReport, ...]
    facets: tuple[str, ...] = ()
    """The names of its facets, as far as they have begun."""


def report(
    connection: apsw.Connection, path: Path, *, entry_limit: int = ENTRY_LIMIT
) -> ObjectReport:
    """Return the report on the object that a connection is open to."""
    stored = read_meta(connection)
    return ObjectReport(
        storage_name=stored.object.storage_name,
        class_name=stored.object.class_name,
        id=stored.object.id.hex(),
        name=stored.object.name,
        file_size=_size(path),
        wal_size=_size(path.with_name(path.name + "-wal")),
        database_size=_database_size(connection),
        created=stored.created,
        alarm=stored.alarm,
        entries=_entries(connection, entry_limit),
        entry_count=_count(connection, "_sd_kv") or 0,
        tables=_tables(connection),
        facets=tuple(facet_numbers(connection)),
    )


def _entries(connection: apsw.Connection, limit: int) -> tuple[EntryReport, ...]:
    rows = _rows(connection, "SELECT key, value FROM _sd_kv ORDER BY key LIMIT ?", (limit,))
    return tuple(_entry(key, data) for key, data in rows)


def _entry(key: str, data: bytes) -> EntryReport:
    try:
        value = decode(data)
    except (ValueError, SourdoughError) as error:
        return EntryReport(key=key, type="?", size=len(data), value=f"unreadable: {error}")
    return EntryReport(key=key, type=type(value).__name__, size=len(data), value=_short(value))


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= _REPR_LENGTH else text[: _REPR_LENGTH - 2] + ".."


def _tables(connection: apsw.Connection) -> tuple[TableReport, ...]:
    listed = _rows(
        connection,
        "SELECT name, type FROM pragma_table_list WHERE schema = 'main'"
        " AND type IN ('table', 'virtual') AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'"
        " AND name NOT LIKE '\\_sd\\_%' ESCAPE '\\' ORDER BY name",
    )
    return tuple(_table(connection, name, kind) for name, kind in listed)


def _table(connection: apsw.Connection, name: str, kind: str) -> TableReport:
    columns = _columns(connection, name)
    text = ", ".join(columns.values())
    if kind == "virtual":
        [(sql,)] = _rows(connection, "SELECT sql FROM sqlite_schema WHERE name = ?", (name,))
        full_text = "using fts5" in " ".join(str(sql).lower().split())
        kind = f"full-text index of {', '.join(columns)}" if full_text else "virtual"
    return TableReport(name=name, kind=kind, rows=_count(connection, name), columns=text)


def _columns(connection: apsw.Connection, table: str) -> dict[str, str]:
    rows = _rows(
        connection,
        'SELECT name, type, "notnull", pk FROM pragma_table_xinfo(?) WHERE hidden <> 1',
        (table,),
    )
    keys = sum(1 for row in rows if row[3])
    return {
        name: " ".join(
            part
            for part in (
                name,
                kind,
                "NOT NULL" if required else "",
                "PRIMARY KEY" if position and keys == 1 else "",
            )
            if part
        )
        for name, kind, required, position in rows
    }


def _count(connection: apsw.Connection, table: str) -> int | None:
    quoted = '"' + table.replace('"', '""') + '"'
    try:
        rows = _rows(
            connection,
            f"SELECT count(*) FROM (SELECT 1 FROM {quoted} LIMIT {_COUNT_LIMIT})",  # noqa: S608 (quoted)
        )
    except apsw.Error:
        return None
    return int(rows[0][0])


def _database_size(connection: apsw.Connection) -> int:
    pages, free, size = (
        int(str(connection.pragma(name))) for name in ("page_count", "freelist_count", "page_size")
    )
    return (pages - free) * size


def _rows(connection: apsw.Connection, sql: str, bindings: tuple[Any, ...] = ()) -> list[Any]:
    return connection.execute(sql, bindings, can_cache=False).fetchall()


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0
