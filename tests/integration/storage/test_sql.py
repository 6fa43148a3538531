"""Users' SQL: results, several statements, refusals and errors (semantics 5.3)."""

from __future__ import annotations

import pytest

from sourdough.errors import SqlConstraintError, SqlError

_EVIL_TRIGGER = """
CREATE TRIGGER g AFTER INSERT ON t BEGIN DELETE FROM _sd_kv; END;
INSERT INTO t VALUES(99, 'x')
"""


@pytest.fixture(params=["memory", "file"])
async def sql(request, world):
    """SQL of a new object, or of one that has its file already; with a table of five rows."""
    database = world.database()
    database.storage.sql.exec("CREATE TABLE t(id INTEGER PRIMARY KEY, body TEXT UNIQUE)")
    if request.param == "file":
        await database.sync()
    for number in range(1, 6):
        database.storage.sql.exec("INSERT INTO t VALUES(?, ?)", number, f"b{number}")
    return database.storage.sql


async def test_rows_and_counts(sql):
    """Rows by name, the number of rows read and written, exact large integers."""
    cursor = sql.exec("SELECT id, body FROM t ORDER BY id")
    assert cursor.columns == ("id", "body")
    assert next(cursor).body == "b1"
    assert next(cursor.raw()) == (2, "b2")
    assert [row["id"] for row in cursor.to_list()] == [3, 4, 5]
    assert cursor.rows_read == 5
    assert sql.exec("UPDATE t SET body = body || 'x' WHERE id > 2").rows_written == 3
    assert sql.exec("SELECT ? AS n", 2**53 + 1).one().n == 2**53 + 1


async def test_one_means_one(sql):
    """No row and two rows have their own messages."""
    assert sql.exec("SELECT body FROM t WHERE id = 2").one().body == "b2"
    with pytest.raises(ValueError, match="got no results"):
        sql.exec("SELECT 1 WHERE 0").one()
    with pytest.raises(ValueError, match="got multiple results"):
        sql.exec("SELECT id FROM t").one()


async def test_an_insert_may_return_rows(sql):
    """RETURNING gives a cursor, and the write has happened although nobody reads it."""
    assert sql.exec("INSERT INTO t VALUES(9, 'n') RETURNING id").one().id == 9
    sql.exec("INSERT INTO t VALUES(10, 'o') RETURNING id")
    assert sql.exec("SELECT count(*) AS n FROM t").one().n == 7


async def test_several_statements_in_one_call(sql):
    """Earlier ones run to their end; the cursor and the bindings belong to the last."""
    cursor = sql.exec(
        "CREATE TABLE log(x); -- a comment; with a semicolon\n"
        "CREATE TRIGGER g AFTER INSERT ON t BEGIN INSERT INTO log VALUES(new.id); SELECT 1; END;"
        "INSERT INTO t VALUES(7, 'a;b'); SELECT id FROM t;"
        "SELECT x FROM log WHERE x = ?; /* end; */ ",
        7,
    )
    assert cursor.to_list() == [(7,)]


@pytest.mark.parametrize("query", ["", "  ", ";;", "-- nothing", "/* a; b */ ;"])
async def test_a_query_contains_a_statement(sql, query):
    """Empty and comment-only code is an error."""
    with pytest.raises(ValueError, match="did not contain a statement"):
        sql.exec(query)


@pytest.mark.parametrize(
    ("query", "bindings"),
    [("SELECT ?", ()), ("SELECT 1", (1,)), ("SELECT ?; SELECT 1", (1,)), ("SELECT ?, ?", (1,))],
)
async def test_the_number_of_bindings_is_exact(sql, query, bindings):
    """Too few, too many, or for another statement than the last: ValueError."""
    with pytest.raises(ValueError, match="Wrong number of parameter bindings"):
        sql.exec(query, *bindings)


async def test_a_failed_statement_leaves_the_transaction(sql):
    """A constraint or syntax error is an exception; what was written before stays."""
    with pytest.raises(SqlConstraintError, match="UNIQUE"):
        sql.exec("INSERT INTO t VALUES(6, 'b1')")
    with pytest.raises(SqlError, match="syntax"):
        sql.exec("SELEC 1")
    with pytest.raises(SqlError, match="no such table"):
        sql.exec("SELECT * FROM nowhere")
    assert sql.exec("SELECT count(*) AS n FROM t").one().n == 5


@pytest.mark.parametrize(
    "query",
    [
        "BEGIN",
        "COMMIT",
        "/*_sd_*/BEGIN IMMEDIATE",
        "/*_sd_*/COMMIT",
        "SAVEPOINT x",
        "END",
        "ROLLBACK",
    ],
)
async def test_transactions_by_sql_are_refused(sql, query):
    """The message says what to use instead; our own statements' texts open no back door."""
    with pytest.raises(SqlError, match="transaction_sync"):
        sql.exec(query)


@pytest.mark.parametrize(
    "query",
    [
        "ATTACH ':memory:' AS x",
        "DETACH main",
        "VACUUM",
        "VACUUM INTO 'x'",
        "CREATE TEMP TABLE x(a)",
        "CREATE TEMP VIEW x AS SELECT 1",
        "CREATE VIRTUAL TABLE x USING dbstat",
        "CREATE VIRTUAL TABLE x USING fts4(a)",
        "PRAGMA journal_mode=DELETE",
        "PRAGMA wal_autocheckpoint=5",
        "PRAGMA locking_mode=NORMAL",
        "PRAGMA writable_schema=ON",
        "PRAGMA synchronous=OFF",
        "PRAGMA user_version=7",
        "PRAGMA foreign_keys='no such word'",
        "SELECT sqlite_version()",
        "SELECT load_extension('x')",
        "SELECT * FROM _sd_kv",
        "SELECT value FROM _SD_KV",
        "/*_sd_*/SELECT value FROM _sd_kv WHERE key = 'a'",
        "DELETE FROM _sd_meta",
        "DROP TABLE _sd_kv",
        "CREATE TABLE _sd_x(a)",
        "ALTER TABLE t RENAME TO _sd_t",
        "CREATE VIEW _sd_v AS SELECT 1",
        "CREATE INDEX _sd_i ON t(body)",
        "CREATE TRIGGER _sd_g AFTER INSERT ON t BEGIN SELECT 1; END",
        "PRAGMA table_info(_sd_kv)",
    ],
)
async def test_what_would_break_us_is_refused(sql, query):
    """Files, settings, temporary objects and reserved names are out of reach."""
    with pytest.raises(SqlError, match=r"not authorized|prohibited|VACUUM"):
        sql.exec(query)


@pytest.mark.parametrize(
    "query",
    [
        "PRAGMA foreign_keys",
        "PRAGMA defer_foreign_keys=ON",
        "PRAGMA table_info(t)",
        "PRAGMA table_list",
        "PRAGMA quick_check",
        "PRAGMA optimize",
        "ANALYZE",
        "CREATE VIRTUAL TABLE f USING FTS5(a)",
        "CREATE VIRTUAL TABLE r USING rtree(id, x, y)",
        "SELECT json_extract('{\"a\": 1}', '$.a')",
        "SELECT value FROM json_each('[1, 2]')",
        "SELECT '_sd_kv'",
        "CREATE TABLE x_sd_(a)",
    ],
)
async def test_what_is_harmless_works(sql, query):
    """Full text, JSON, spatial indexes, checks and look-alike names are allowed."""
    sql.exec(query)


async def test_a_view_cannot_reach_reserved_tables(sql):
    """The prohibition holds inside views, triggers and subqueries as well."""
    sql.exec("CREATE TABLE copy(v)")
    for query in (
        "CREATE VIEW v AS SELECT * FROM _sd_kv; SELECT * FROM v",
        "INSERT INTO copy SELECT value FROM _sd_kv",
        "SELECT (SELECT count(value) FROM _sd_kv)",
        _EVIL_TRIGGER,
    ):
        with pytest.raises(SqlError, match=r"not authorized|prohibited"):
            sql.exec(query)


async def test_a_large_result_can_be_read_while_writing(sql):
    """A cursor beyond the read-ahead stays open over later writes and commits."""
    sql.exec(
        "WITH RECURSIVE n(i) AS (SELECT 10 UNION ALL SELECT i + 1 FROM n WHERE i < 1000)"
        " INSERT INTO t SELECT i, i FROM n"
    )
    count = 0
    for row in sql.exec("SELECT id FROM t WHERE id >= 10"):
        if row.id < 50:
            sql.exec("UPDATE t SET body = ? WHERE id = ?", f"new{row.id}", row.id)
        count += 1
    assert count == 991


async def test_key_value_entries_and_sql_share_the_transaction(sql, world):
    """Undoing a transaction undoes both kinds of write."""
    storage = world.databases[-1].storage

    def both() -> None:
        storage.kv.put("a", 1)
        sql.exec("DELETE FROM t")
        raise LookupError

    with pytest.raises(LookupError):
        storage.transaction_sync(both)
    assert storage.kv.get("a") is None
    assert sql.exec("SELECT count(*) AS n FROM t").one().n == 5
