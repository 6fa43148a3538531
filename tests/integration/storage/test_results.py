"""Results: how much of one is in memory, and what a cursor counts (semantics 5.3.3, 5.3.9, 5.3.10)."""

from __future__ import annotations

import asyncio

import pytest

from sourdough.errors import SqlError
from sourdough.storage.limits import SqlLimits

MIB = 1 << 20


def numbers(count: int, value: str = "x") -> str:
    return (
        f"WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < {count})"
        f" SELECT {value} FROM n"
    )


@pytest.fixture
async def sql(world):
    engine = world.engine(limits=SqlLimits(result_bytes=4 * MIB))
    return world.database(engine=engine).storage.sql


async def test_a_result_too_large_for_memory_is_an_error_one_can_catch(sql):
    """And everything goes on: the transaction, other cursors (semantics 5.3.9)."""
    sql.exec("CREATE TABLE t(x)")
    sql.exec("INSERT INTO t VALUES (1)")
    cursor = sql.exec(numbers(1000, "zeroblob(10000)"))
    with pytest.raises(SqlError, match=r"too large to fit in memory.*sql_result_bytes"):
        cursor.to_list()
    assert cursor.to_list() == []
    assert sql.exec("SELECT x FROM t").one().x == 1
    assert len(sql.exec(numbers(300, "zeroblob(10000)")).to_list()) == 300


async def test_many_small_rows_are_too_large_as_well(sql):
    """What counts is what they take in memory."""
    with pytest.raises(SqlError, match="too large"):
        sql.exec(numbers(100_000)).to_list()


async def test_a_large_result_can_be_iterated_over(sql):
    """Only what is read ahead is in memory, and that is bounded by its size."""
    cursor = sql.exec(numbers(200, "zeroblob(100000)"))
    assert cursor.rows_read <= MIB // 100_000 + 1
    assert sum(len(row[0]) for row in cursor) == 20_000_000


async def test_to_list_returns_what_is_left(sql):
    """Whatever was read before, in whatever way (semantics 5.3.3)."""
    cursor = sql.exec(numbers(1000))
    assert next(cursor).x == 1
    assert next(cursor.raw()) == (2,)
    assert [row.x for row in cursor.to_list()] == list(range(3, 1001))
    assert cursor.to_list() == []


async def test_rows_read_shows_a_scan_where_an_index_is_missing(sql):
    """SQLite says how many rows a scan went through, and nothing of those an index found."""
    sql.exec("CREATE TABLE t(a INTEGER PRIMARY KEY, b, c)")
    sql.exec("CREATE INDEX i ON t(c)")
    sql.exec("INSERT INTO t SELECT x, x, x FROM (" + numbers(1000) + ")")
    scanned = sql.exec("SELECT a FROM t WHERE b = 7")
    found = sql.exec("SELECT a FROM t WHERE c = 7")
    assert [scanned.one().a, scanned.rows_read] == [7, 1000]
    assert [found.one().a, found.rows_read] == [7, 1]
    assert sql.exec("UPDATE t SET b = 0 WHERE b = 7").rows_read == 1000
    assert sql.exec("SELECT count(*) FROM t WHERE b > 0").rows_read == 1000


async def test_rows_read_of_a_query_that_ran_before(sql):
    """Each run counts for itself, also when two are open at once."""
    sql.exec("CREATE TABLE t(x)")
    sql.exec("INSERT INTO t SELECT x FROM (" + numbers(500) + ")")
    query = "SELECT x FROM t WHERE x % 2"
    first, second = sql.exec(query), sql.exec(query)
    assert [len(second.to_list()), len(first.to_list())] == [250, 250]
    assert [first.rows_read, second.rows_read] == [500, 500]


async def test_rows_written_leaves_indexes_out(sql):
    """One for each row, whatever hangs on it (semantics 5.3.10)."""
    sql.exec("CREATE TABLE t(a PRIMARY KEY, b UNIQUE, c); CREATE INDEX i ON t(c)")
    assert sql.exec("INSERT INTO t VALUES (1, 1, 1), (2, 2, 2)").rows_written == 2
    assert sql.exec("UPDATE t SET a = a + 10, b = b + 10").rows_written == 2
    assert sql.exec("DELETE FROM t").rows_written == 2
    assert sql.exec("SELECT 1").rows_written == 0


async def test_statements_are_cached_by_their_text(world):
    """The second time one is not prepared again; the cache is bounded by number (5.3.7)."""
    database = world.database()
    sql = database.storage.sql
    sql.exec("CREATE TABLE t(x)")
    await database.sync()
    connection = database.connection()
    sql.exec("SELECT x FROM t WHERE x = ?", 1).to_list()
    before = connection.cache_stats()
    for number in range(10):
        assert sql.exec("SELECT x FROM t WHERE x = ?", number).to_list() == []
        await asyncio.sleep(0)
    after = connection.cache_stats()
    assert after["hits"] - before["hits"] >= 10
    assert after["misses"] == before["misses"]
    for number in range(1000):
        sql.exec(f"SELECT {number}").one()
    assert connection.cache_stats()["size"] <= 100
