"""What a statement may use, and for how long (semantics 5.3, invariant S12)."""

from __future__ import annotations

import time

import apsw
import pytest

from sourdough.errors import SqlError, StorageError
from sourdough.storage.limits import SqlLimits

ENDLESS = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n)"


@pytest.fixture(params=["memory", "file"])
async def limited(request, world):
    """Make an object's SQL with some limits, new or on its file."""

    async def make(**limits):
        engine = world.engine(limits=SqlLimits(**limits))
        database = world.database(str(len(world.databases)), engine=engine)
        if request.param == "file":
            await database.storage.put("a", 1)
            await database.sync()
        return database.storage

    return make


@pytest.mark.parametrize(
    ("limits", "query"),
    [
        ({"statement_bytes": 1_000}, f"SELECT '{'x' * 1_000}'"),
        ({"value_bytes": 10_000}, "SELECT zeroblob(10001)"),
        ({"columns": 10}, f"SELECT {', '.join('1' * 11)}"),
        ({"variables": 10}, f"SELECT {'+'.join('?' * 11)}"),
        ({"expression_depth": 10}, f"SELECT {'+'.join('1' * 12)}"),
        ({"compound_selects": 2}, " UNION ".join(f"SELECT {n}" for n in range(3))),
        ({"function_arguments": 8}, f"SELECT max({', '.join('1' * 9)})"),
        ({"like_pattern_bytes": 10}, f"SELECT 'x' LIKE '{'x' * 11}'"),
        ({"operations": 1_000}, f"SELECT {', '.join(f'abs(random()) + {n}' for n in range(400))}"),
    ],
)
async def test_each_limit_is_enforced(limited, limits, query):
    """Beyond a limit the statement fails; with the defaults it runs (semantics 5.3)."""
    bindings = [1] * query.count("?")
    storage = await limited(**limits)
    with pytest.raises(SqlError):
        storage.sql.exec(query, *bindings)
    assert (await limited()).sql.exec(query, *bindings)


async def test_triggers_have_a_depth(limited):
    """A trigger that sets itself off ends with an error (semantics 5.3)."""
    sql = (await limited(trigger_depth=5)).sql
    sql.exec("PRAGMA recursive_triggers=ON")
    sql.exec(
        "CREATE TABLE t(x); CREATE TRIGGER g AFTER INSERT ON t WHEN new.x < 10"
        " BEGIN INSERT INTO t VALUES(new.x + 1); END"
    )
    with pytest.raises(SqlError, match="triggers nested too deep"):
        sql.exec("INSERT INTO t VALUES(1)")
    sql.exec("INSERT INTO t VALUES(9)")


async def test_an_entry_has_the_size_of_a_value(limited):
    """The key-value store obeys the same limit, with a sentence (semantics 10)."""
    storage = await limited(value_bytes=10_000)
    with pytest.raises(ValueError, match="an entry has at most 10000 bytes"):
        await storage.put("a", b"x" * 10_000)
    await storage.put("a", b"x" * 9_000)


def test_the_defaults_are_within_what_sqlite_can_do():
    """SQLite would cut a larger limit silently."""
    connection = apsw.Connection(":memory:")
    SqlLimits().apply(connection)
    for limit, value in (
        (apsw.SQLITE_LIMIT_COLUMN, SqlLimits().columns),
        (apsw.SQLITE_LIMIT_VARIABLE_NUMBER, SqlLimits().variables),
        (apsw.SQLITE_LIMIT_COMPOUND_SELECT, SqlLimits().compound_selects),
        (apsw.SQLITE_LIMIT_TRIGGER_DEPTH, SqlLimits().trigger_depth),
        (apsw.SQLITE_LIMIT_ATTACHED, 0),
    ):
        assert connection.limit(limit) == value
    connection.close()


async def test_a_reading_statement_that_runs_away_fails(limited, world):
    """It is stopped, the error names the limit, the turn goes on (invariant S12)."""
    storage = await limited(seconds=0.02)
    await storage.put("b", 2)
    for _ in range(2):
        with pytest.raises(SqlError, match=r"longer than 0.02 s \(limits.sql_seconds\)"):
            storage.sql.exec(f"{ENDLESS} SELECT count(*) FROM n")
        assert await storage.get("b") == 2
    assert world.broken == []


async def test_a_cursor_that_runs_away_fails_where_it_is_read(limited):
    """The time of each step counts, not the time between the steps (invariant S12)."""
    storage = await limited(seconds=0.02)
    cursor = storage.sql.exec(f"{ENDLESS} SELECT i FROM n WHERE i <= 200 OR i = -1")
    assert [next(cursor).i for _ in range(128)][-1] == 128
    with pytest.raises(SqlError, match=r"limits\.sql_seconds"):
        list(cursor)


async def test_a_writing_statement_that_runs_away_resets(limited, world):
    """SQLite undid the transaction: the object is broken and has its last commit (4.4.4)."""
    storage = await limited(seconds=0.02)
    storage.sql.exec("CREATE TABLE t(x)")
    world.databases[-1].flush()
    with pytest.raises(StorageError, match=r"limits.sql_seconds.*undone"):
        storage.sql.exec(f"{ENDLESS} INSERT INTO t SELECT i FROM n")
    assert len(world.broken) == 1
    with pytest.raises(StorageError, match="undone"):
        await storage.get("a")
    world.databases[-1].abandon()
    assert world.database("0").storage.sql.exec("SELECT count(*) FROM t").one()[0] == 0


async def test_many_short_statements_are_not_one_long_one(limited):
    """The limit is per statement: a turn of many takes as long as it takes (invariant S12)."""
    storage = await limited(seconds=0.15)
    begun = time.perf_counter()
    while time.perf_counter() - begun < 0.4:
        assert storage.sql.exec(f"{ENDLESS} SELECT i FROM n LIMIT 1 OFFSET 3000").one().i == 3001
