"""What users' SQL may use (semantics 5.3, "security settings"), as given by `[limits]`."""

from __future__ import annotations

from dataclasses import dataclass

import apsw

_MIB = 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class SqlLimits:
    """Limits of one host's databases. Sizes in bytes; beyond one, a statement fails."""

    statement_bytes: int = 1_000_000
    value_bytes: int = 16 * _MIB
    """A string, a BLOB, a row, or an entry of the key-value store."""
    result_bytes: int = 256 * _MIB
    """A result that is held in memory as a whole."""
    columns: int = 2_000
    variables: int = 32_766
    expression_depth: int = 1_000
    compound_selects: int = 500
    function_arguments: int = 127
    like_pattern_bytes: int = 50_000
    trigger_depth: int = 1_000
    operations: int = 1_000_000
    """Steps of one prepared statement."""
    seconds: float = 30.0
    """How long a statement may hold up the loop."""
    thread_seconds: float = 30.0
    """How long `exec_in_thread` may take."""

    def apply(self, connection: apsw.Connection) -> None:
        """Limit a connection."""
        for limit, value in (
            (apsw.SQLITE_LIMIT_LENGTH, self.value_bytes),
            (apsw.SQLITE_LIMIT_SQL_LENGTH, self.statement_bytes),
            (apsw.SQLITE_LIMIT_COLUMN, self.columns),
            (apsw.SQLITE_LIMIT_EXPR_DEPTH, self.expression_depth),
            (apsw.SQLITE_LIMIT_COMPOUND_SELECT, self.compound_selects),
            (apsw.SQLITE_LIMIT_VDBE_OP, self.operations),
            (apsw.SQLITE_LIMIT_FUNCTION_ARG, self.function_arguments),
            (apsw.SQLITE_LIMIT_ATTACHED, 0),
            (apsw.SQLITE_LIMIT_LIKE_PATTERN_LENGTH, self.like_pattern_bytes),
            (apsw.SQLITE_LIMIT_VARIABLE_NUMBER, self.variables),
            (apsw.SQLITE_LIMIT_TRIGGER_DEPTH, self.trigger_depth),
            (apsw.SQLITE_LIMIT_WORKER_THREADS, 0),
        ):
            connection.limit(limit, value)


DEFAULT_LIMITS = SqlLimits()
