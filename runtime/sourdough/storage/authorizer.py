"""What users' SQL may do (semantics 5.3).

The authorizer stays installed, because installing one makes SQLite prepare every cached statement
anew; it looks only while `active`, that is while a statement of a user is being prepared.
"""

from __future__ import annotations

import re

import apsw

_VIRTUAL_TABLES = frozenset(("fts5", "fts5vocab", "rtree", "rtree_i32"))

_BOOLEAN_PRAGMAS = frozenset(
    (
        "case_sensitive_like",
        "defer_foreign_keys",
        "foreign_keys",
        "ignore_check_constraints",
        "legacy_alter_table",
        "recursive_triggers",
        "reverse_unordered_selects",
    )
)
_BOOLEANS = frozenset(("0", "1", "on", "off", "true", "false", "yes", "no"))
_READ_PRAGMAS = frozenset(("data_version", "page_size", "table_list"))
_TABLE_PRAGMAS = frozenset(
    (
        "foreign_key_check",
        "foreign_key_list",
        "index_info",
        "index_list",
        "index_xinfo",
        "optimize",
        "quick_check",
        "table_info",
        "table_list",
        "table_xinfo",
    )
)
_REFUSED_FUNCTIONS = frozenset(
    (
        "load_extension",
        "sqlite_compileoption_get",
        "sqlite_compileoption_used",
        "sqlite_log",
        "sqlite_offset",
        "sqlite_source_id",
        "sqlite_version",
        "fts3_tokenizer",
    )
)

# Virtual tables that are there without being created, and look below the tables.
_REFUSED_TABLES = frozenset(("dbstat", "sqlite_dbpage", "sqlite_memstat", "sqlite_stmt"))

# `CREATE TABLE temp.x` is to SQLite no temporary table, but a table in a database named temp.
_CREATIONS = frozenset(
    (
        apsw.SQLITE_CREATE_INDEX,
        apsw.SQLITE_CREATE_TABLE,
        apsw.SQLITE_CREATE_TRIGGER,
        apsw.SQLITE_CREATE_VIEW,
        apsw.SQLITE_CREATE_VTABLE,
    )
)

# Refused whatever the arguments: the sentence that says why.
_REFUSED_ACTIONS = {
    apsw.SQLITE_ATTACH: "ATTACH is not available",
    apsw.SQLITE_DETACH: "DETACH is not available",
    apsw.SQLITE_CREATE_TEMP_INDEX: "temporary indexes are not available",
    apsw.SQLITE_CREATE_TEMP_TABLE: "temporary tables are not available",
    apsw.SQLITE_CREATE_TEMP_TRIGGER: "temporary triggers are not available",
    apsw.SQLITE_CREATE_TEMP_VIEW: "temporary views are not available",
    apsw.SQLITE_TRANSACTION: (
        "To execute a transaction, please use ctx.storage.transaction() or"
        " ctx.storage.transaction_sync() instead of the SQL BEGIN TRANSACTION or SAVEPOINT"
        " statements; all writes of a turn without an await on something else are one transaction"
        " anyway"
    ),
}
_REFUSED_ACTIONS[apsw.SQLITE_SAVEPOINT] = _REFUSED_ACTIONS[apsw.SQLITE_TRANSACTION]

# SQLite names the database of such a trigger by its table's.
_TEMPORARY_TRIGGER = re.compile(
    r"trigger\s+(?:if\s+not\s+exists\s+)?[\"'`\[]?temp[\"'`\]]?\s*\.", re.IGNORECASE
)

RESERVED = "_sd_"


class Authorizer:
    """Decides while `active`; `reason` says why the last statement was refused, `asked` whether
    one was prepared since it was set to False.
    """

    def __init__(self, pragmas: dict[str, str]) -> None:
        self.active = False
        self.asked = False
        self.reason: str | None = None
        self._pragmas = pragmas
        self._statement = ""

    def start(self, statement: str) -> None:
        """Look from now on at the preparation of a user's statement."""
        self.active = True
        self.reason = None
        self._statement = statement

    def __call__(
        self,
        action: int,
        first: str | None,
        second: str | None,
        database: str | None,
        _inner: str | None,
    ) -> int:
        """Answer SQLite; the meaning of the arguments depends on the action."""
        if not self.active:
            return apsw.SQLITE_OK
        self.asked = True
        reason = self._objection(action, first, second)
        if reason is None:
            reason = self._place(action, first, database)
        if reason is None:
            return apsw.SQLITE_OK
        self.reason = reason
        return apsw.SQLITE_DENY

    def _objection(self, action: int, first: str | None, second: str | None) -> str | None:
        refused = _REFUSED_ACTIONS.get(action)
        if refused is not None or action == apsw.SQLITE_ANALYZE:
            return refused
        match action:
            case apsw.SQLITE_PRAGMA:
                return self._pragma(str(first).lower(), second)
            case apsw.SQLITE_FUNCTION:
                return _function(str(second))
            case apsw.SQLITE_CREATE_VTABLE if str(second).lower() not in _VIRTUAL_TABLES:
                return f"virtual tables of kind {second} are not available"
            case apsw.SQLITE_ALTER_TABLE if RESERVED in self._statement.lower():
                # SQLite does not tell the new name of a table that is being renamed.
                return f"names that start with {RESERVED} are reserved"
        return _reserved(first) or _reserved(second)

    def _place(self, action: int, first: str | None, database: str | None) -> str | None:
        """Refuse what is not among the object's own tables."""
        if action == apsw.SQLITE_READ and str(first).lower() in _REFUSED_TABLES:
            return f"the virtual table {first} is not available"
        if action in _CREATIONS and (
            database == "temp" or _TEMPORARY_TRIGGER.search(self._statement)
        ):
            return "temporary tables, views and triggers are not available"
        return None

    def _pragma(self, name: str, value: str | None) -> str | None:
        if name in _BOOLEAN_PRAGMAS:
            if value is None or value.lower() in _BOOLEANS:
                if value is not None and name != "defer_foreign_keys":
                    self._pragmas[name] = value
                return None
        elif name in _READ_PRAGMAS and value is None:
            return None
        elif name in _TABLE_PRAGMAS:
            return _reserved(value)
        return f"PRAGMA {name} is not available"


def _function(name: str) -> str | None:
    return f"not authorized to use function: {name}" if name.lower() in _REFUSED_FUNCTIONS else None


def _reserved(name: str | None) -> str | None:
    if name is not None and name.lower().startswith(RESERVED):
        return f"access to {name} is prohibited: names that start with {RESERVED} are reserved"
    return None
