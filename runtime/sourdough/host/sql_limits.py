"""What the databases of a host enforce, from the limits of the configuration."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sourdough.storage.limits import SqlLimits

if TYPE_CHECKING:
    from sourdough.config.limits import Limits


def sql_limits(limits: Limits) -> SqlLimits:
    """Return what the databases of a host enforce.

    A statement on the loop gets at most half of hang_timeout: it must not be the reason that the
    host is taken for dead and killed, with all its other objects.
    """
    return SqlLimits(
        statement_bytes=limits.sql_statement_bytes,
        value_bytes=limits.sql_value_bytes,
        result_bytes=limits.sql_result_bytes,
        columns=limits.sql_columns,
        variables=limits.sql_variables,
        expression_depth=limits.sql_expression_depth,
        compound_selects=limits.sql_compound_selects,
        function_arguments=limits.sql_function_arguments,
        like_pattern_bytes=limits.sql_like_pattern_bytes,
        trigger_depth=limits.sql_trigger_depth,
        operations=limits.sql_operations,
        seconds=min(limits.sql_seconds, limits.hang_timeout / 2),
        thread_seconds=limits.sql_seconds,
    )
