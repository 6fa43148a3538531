"""What users' SQL may do, and what it may not, line by line (semantics 5.3)."""

from __future__ import annotations

import pytest

from sourdough.errors import SqlError

ALLOWED = """
PRAGMA data_version
PRAGMA page_size
PRAGMA table_list
PRAGMA table_info(t)
PRAGMA table_xinfo(t)
PRAGMA case_sensitive_like=1
PRAGMA foreign_keys=OFF
PRAGMA defer_foreign_keys
PRAGMA ignore_check_constraints=on
PRAGMA legacy_alter_table=1
PRAGMA recursive_triggers=yes
PRAGMA reverse_unordered_selects=true
PRAGMA foreign_key_check
PRAGMA foreign_key_check(t)
PRAGMA foreign_key_list(t)
PRAGMA index_info(i)
PRAGMA index_list(t)
PRAGMA index_xinfo(i)
PRAGMA quick_check(1)
PRAGMA quick_check(t)
PRAGMA optimize(2)
ANALYZE t
REINDEX
EXPLAIN QUERY PLAN SELECT * FROM t
SELECT rtreecheck('r')
SELECT jsonb('[1]')
SELECT '{"a": 1}' ->> 'a'
SELECT '{"a": 1}' -> 'a'
SELECT value FROM json_tree('[1]')
SELECT sin(1), ln(2), ceil(1.5)
SELECT row_number() OVER (ORDER BY id) FROM t
SELECT date('now'), strftime('%s')
SELECT group_concat(id), sum(id), total(id) FROM t
SELECT highlight(f, 0, '[', ']'), snippet(f, 0, 'a', 'b', 'c', 3), bm25(f) FROM f WHERE f MATCH 'x'
CREATE VIRTUAL TABLE v USING FTS5Vocab(f, 'row')
CREATE VIRTUAL TABLE v USING rtree_i32(id, x, y)
CREATE TABLE temporary(a)
CREATE TABLE _sdx(a)
SELECT name FROM pragma_table_info('t')
SELECT name FROM sqlite_schema
"""

REFUSED = """
PRAGMA integrity_check
PRAGMA page_size=4096
PRAGMA schema_version
PRAGMA max_page_count=3
PRAGMA cache_size
PRAGMA wal_checkpoint
PRAGMA trusted_schema=1
PRAGMA encoding
CREATE TABLE temp.x(a)
CREATE VIEW temp.x AS SELECT 1
CREATE TRIGGER temp.x AFTER INSERT ON t BEGIN SELECT 1; END
CREATE VIRTUAL TABLE temp.x USING fts5(a)
CREATE TEMP TRIGGER x AFTER INSERT ON t BEGIN SELECT 1; END
CREATE VIRTUAL TABLE x USING geopoly(a)
CREATE VIRTUAL TABLE x USING json_each
SELECT * FROM dbstat
SELECT name FROM pragma_table_info('_sd_kv')
SELECT sqlite_source_id()
SELECT sqlite_compileoption_used('x')
SELECT sqlite_compileoption_get(1)
SELECT sqlite_log(1, 'x')
SELECT fts3_tokenizer('x')
SAVEPOINT x
RELEASE x
ALTER TABLE t RENAME COLUMN body TO _sd_body
ALTER TABLE t RENAME TO "_Sd_z"
"""


@pytest.fixture(params=["memory", "file"])
async def sql(request, world):
    """SQL of an object with a table, an index, a full-text and a spatial index."""
    database = world.database()
    sql = database.storage.sql
    sql.exec(
        "CREATE TABLE t(id INTEGER PRIMARY KEY, body TEXT); CREATE INDEX i ON t(body);"
        "CREATE VIRTUAL TABLE f USING fts5(body); INSERT INTO f VALUES('x y');"
        "CREATE VIRTUAL TABLE r USING rtree(id, x, y)"
    )
    if request.param == "file":
        await database.sync()
    return sql


@pytest.mark.parametrize("query", ALLOWED.strip().splitlines())
async def test_what_is_allowed(sql, query):
    """Pragmas, functions and virtual tables that SQL of users has (semantics 5.3)."""
    sql.exec(query).to_list()


@pytest.mark.parametrize("query", REFUSED.strip().splitlines())
async def test_what_is_refused(sql, query):
    """Everything that would reach below the tables is refused by name (semantics 5.3)."""
    with pytest.raises(SqlError, match="not authorized"):
        sql.exec(query)


def fill(sql, count):
    """Put rows 1 to count into the table."""
    sql.exec(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?)"
        " INSERT INTO t SELECT i, 'b' || i FROM n",
        count,
    )


async def test_a_finished_statement_is_released_unread(sql, world):
    """A result within the read-ahead holds nothing, although nobody reads it (semantics 5.3)."""
    fill(sql, 100)
    cursor = sql.exec("SELECT id FROM t")
    sql.exec("DROP TABLE t")
    assert len(cursor.to_list()) == 100


async def test_the_same_statement_twice_at_a_time(sql):
    """A second cursor of the same text does not disturb the first (semantics 5.3)."""
    fill(sql, 500)
    first = sql.exec("SELECT id FROM t ORDER BY id")
    assert next(first).id == 1
    second = sql.exec("SELECT id FROM t ORDER BY id")
    assert [row.id for row in second] == list(range(1, 501))
    assert [row.id for row in first] == list(range(2, 501))


async def test_a_cursor_lives_across_turns(sql, world):
    """It is legal to await between two rows; commits meanwhile do not end it (semantics 5.3)."""
    fill(sql, 500)
    cursor = sql.exec("SELECT id FROM t ORDER BY id")
    seen = []
    for row in cursor:
        seen.append(row.id)
        if row.id % 100 == 0:
            sql.exec("UPDATE t SET body = 'x' WHERE id = ?", row.id)
            await world.databases[-1].sync()
    assert seen == list(range(1, 501))


async def test_rows_read_grows_while_reading(sql):
    """It counts what the statement has returned, and is final at the end (semantics 5.3)."""
    fill(sql, 500)
    cursor = sql.exec("SELECT id FROM t")
    early = cursor.rows_read
    assert early < 500
    assert len(cursor.to_list()) == cursor.rows_read == 500
    assert cursor.rows_written == 0


async def test_rows_written_counts_triggers(sql):
    """What triggers write is written by the statement (semantics 5.3)."""
    sql.exec(
        "CREATE TABLE log(x); CREATE TRIGGER g AFTER INSERT ON t BEGIN"
        " INSERT INTO log VALUES(new.id); END"
    )
    assert sql.exec("INSERT INTO t VALUES(1, 'a'), (2, 'b')").rows_written == 4


async def test_names_of_columns_may_repeat(sql):
    """Rows by name keep the last of them, by position all (semantics 5.3)."""
    cursor = sql.exec("SELECT 1 AS n, 2 AS n, 3 AS m")
    assert cursor.columns == ("n", "n", "m")
    row = cursor.one()
    assert (row["n"], row.n, tuple(row)) == (2, 2, (1, 2, 3))


async def test_a_result_without_rows_has_its_columns(sql):
    """Also of a statement that was cached before the table got another one (semantics 5.3)."""
    query = "SELECT * FROM t WHERE 0"
    assert sql.exec(query).columns == ("id", "body")
    sql.exec("ALTER TABLE t ADD COLUMN more")
    assert sql.exec(query).columns == ("id", "body", "more")
    assert sql.exec("DELETE FROM t RETURNING id AS gone").columns == ("gone",)
    assert sql.exec("INSERT INTO t VALUES (1, 'a', 2)").columns == ()


async def test_types_of_bindings_and_results(sql):
    """None, int, float, str and bytes go both ways exactly; 64 bits are the limit (trap 25)."""
    values = (None, 2**63 - 1, -(2**63), 1.5, "ä\0b", b"\0\xff", True)
    row = sql.exec("SELECT ?, ?, ?, ?, ?, ?, ?", *values).one()
    assert tuple(row) == (None, 2**63 - 1, -(2**63), 1.5, "ä\0b", b"\0\xff", 1)
    assert sql.exec("SELECT ?, ?", bytearray(b"a"), memoryview(b"b")).one() == (b"a", b"b")
    for wrong, kind in ((object(), TypeError), (2**63, OverflowError), ([1], TypeError)):
        with pytest.raises(kind):
            sql.exec("SELECT ?", wrong)


async def test_the_texts_of_one(sql):
    """Word for word (semantics 5.3)."""
    with pytest.raises(
        ValueError, match=r"^Expected exactly one result from SQL query, but got no"
    ):
        sql.exec("SELECT 1 WHERE 0").one()
    with pytest.raises(
        ValueError, match=r"^Expected exactly one result from SQL query, but got mu"
    ):
        sql.exec("VALUES(1), (2)").one()


async def test_the_size_does_not_count_free_pages(sql):
    """`database_size` shrinks when rows go, before anything is vacuumed (semantics 5.3)."""
    empty = sql.database_size
    fill(sql, 2_000)
    full = sql.database_size
    sql.exec("DELETE FROM t")
    assert full > empty + 20_000
    assert sql.database_size < full - 20_000


async def test_a_cursor_of_a_closed_database_says_so(sql, world):
    """No crash, no stale rows (trap 26)."""
    fill(sql, 500)
    cursor = sql.exec("SELECT id FROM t")
    world.databases[-1].abandon()
    with pytest.raises(SqlError, match="closed"):
        cursor.to_list()


async def test_several_statements_in_a_transaction_are_undone_together(sql, world):
    """Nothing in a query of many statements commits by itself (trap 23)."""
    storage = world.databases[-1].storage

    def both():
        sql.exec("CREATE TABLE a(x); INSERT INTO a VALUES(1); CREATE TABLE b(x)")
        raise LookupError

    with pytest.raises(LookupError):
        storage.transaction_sync(both)
    names = "SELECT count(*) FROM sqlite_schema WHERE name IN ('a', 'b')"
    assert sql.exec(names).one()[0] == 0
