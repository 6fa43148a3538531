"""Empties an object's database inside the running transaction (`delete_all`, semantics 5.1)."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import apsw

# Views first (they name tables), virtual tables before the shadow tables that go with them.
_ORDER = """
    SELECT type, name FROM sqlite_schema
    WHERE type IN ('table', 'view', 'trigger') AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'
      AND name NOT LIKE '\\_sd\\_%' ESCAPE '\\'
    ORDER BY CASE WHEN type = 'trigger' THEN 0 WHEN type = 'view' THEN 1
                  WHEN sql LIKE 'CREATE VIRTUAL%' THEN 2 ELSE 3 END
    LIMIT 1
"""

_FACETS = "SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = '_sd_facets'"


def drop_everything(cursor: apsw.Cursor) -> None:
    """Drop all tables, views and triggers of users, all entries, alarm and facets; or nothing."""
    cursor.execute("SAVEPOINT _sd_delete_all", can_cache=False)
    try:
        _drop(cursor)
    except BaseException:
        if cursor.connection.in_transaction:
            cursor.execute("ROLLBACK TO _sd_delete_all; RELEASE _sd_delete_all", can_cache=False)
        raise
    cursor.execute("RELEASE _sd_delete_all", can_cache=False)


def _drop(cursor: apsw.Cursor) -> None:
    # Rows may go in any order now; with all tables gone, nothing is left to violate.
    cursor.execute("PRAGMA defer_foreign_keys=ON", can_cache=False)
    while rows := cursor.execute(_ORDER, can_cache=False).fetchall():
        kind, name = rows[0]
        quoted = '"' + str(name).replace('"', '""') + '"'
        cursor.execute(f"DROP {kind} {quoted}", can_cache=False)
    cursor.execute("DELETE FROM _sd_kv", can_cache=False)
    cursor.execute("UPDATE _sd_meta SET value = NULL WHERE key = 'alarm'", can_cache=False)
    if cursor.execute(_FACETS, can_cache=False).fetchall():
        cursor.execute("UPDATE _sd_facets SET name = NULL", can_cache=False)
    tables = cursor.execute(
        "SELECT name FROM sqlite_schema WHERE name IN ('sqlite_sequence', 'sqlite_stat1')",
        can_cache=False,
    ).fetchall()
    for (table,) in tables:
        cursor.execute(f"DELETE FROM {table}", can_cache=False)  # noqa: S608 (one of two names)
