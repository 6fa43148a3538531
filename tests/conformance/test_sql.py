"""SQL of objects (semantics 5.3)."""

from __future__ import annotations

import pytest

from tests.conformance.steps import Raised, storage

execute = storage.sql.exec


@pytest.mark.parametrize(
    ("steps", "rows"),
    [
        ([execute("SELECT 1")], [[1]]),
        ([execute("SELECT ?, ?", 1, "a")], [[1, "a"]]),
        ([execute("SELECT 1; SELECT 2")], [[2]]),
        ([execute("SELECT 1; SELECT ?", 7)], [[7]]),
        ([execute("SELECT 1; ")], [[1]]),
        ([execute("SELECT 1; -- a comment")], [[1]]),
        ([execute("CREATE TABLE t(x); INSERT INTO t VALUES (1), (2); SELECT x FROM t")], [[1], [2]]),
        ([execute("CREATE TABLE t(x)"), execute("INSERT INTO t VALUES (?) RETURNING x", None)],
         [[None]]),
        ([execute("SELECT 9007199254740993")], [[9007199254740993]]),
        ([execute("SELECT -9223372036854775808")], [[-9223372036854775808]]),
        ([execute("SELECT x'00ff'")], [["bytes 00ff"]]),
        ([execute("SELECT ';' AS a")], [[";"]]),
        ([execute("SELECT 1 AS a, 2 AS a")], [[1, 2]]),
        ([execute("SELECT json_extract('{\"a\": [1]}', '$.a[0]'), '{\"b\": 2}' ->> 'b'")], [[1, 2]]),
        ([execute("SELECT sqrt(16.0), round(pi(), 2)")], [[4.0, 3.14]]),
        ([execute("SELECT date('2026-01-31', '+1 day')")], [["2026-02-01"]]),
        ([execute("SELECT sum(x) OVER (ORDER BY x) FROM (SELECT 1 AS x UNION SELECT 2)")], [[1], [3]]),
        ([execute("CREATE TABLE t(x); ANALYZE"), execute("SELECT count(*) FROM t")], [[0]]),
        ([execute("CREATE VIRTUAL TABLE f USING fts5(t)"),
          execute("INSERT INTO f VALUES ('one two')"),
          execute("SELECT highlight(f, 0, '<', '>') FROM f WHERE f MATCH 'two'")], [["one <two>"]]),
        ([execute("CREATE VIRTUAL TABLE r USING RTREE(id, a, b)"), execute("SELECT count(*) FROM r")],
         [[0]]),
        ([execute("CREATE TABLE t(x); CREATE TRIGGER g AFTER INSERT ON t BEGIN"
                  " UPDATE t SET x = x + 1; DELETE FROM t WHERE x > 9; END;"
                  " INSERT INTO t VALUES (1); SELECT x FROM t")], [[2]]),
    ],
)  # fmt: skip
def test_what_works(world, steps, rows):
    """semantics 5.3, trap 25: several statements, bindings to the last, exact integers."""
    assert world.new("KEEPER").steps(*steps)[-1] == rows


@pytest.mark.parametrize(
    "pragma",
    ["page_size", "table_list", "table_info(t)", "table_xinfo(t)", "foreign_keys",
     "foreign_keys = on", "defer_foreign_keys", "case_sensitive_like = on", "recursive_triggers",
     "legacy_alter_table", "ignore_check_constraints", "reverse_unordered_selects", "data_version",
     "foreign_key_check", "foreign_key_list(t)", "index_list(t)", "index_info(i)", "index_xinfo(i)",
     "quick_check", "optimize"],
)  # fmt: skip
def test_pragmas_that_work(world, pragma):
    """semantics 5.3: what tells, and switches that concern this database alone."""
    make = execute("CREATE TABLE t(x); CREATE INDEX i ON t(x)")
    outcome = world.new("KEEPER").steps(make, execute(f"PRAGMA {pragma}"))[1]
    assert isinstance(outcome, list)


@pytest.mark.parametrize(
    "query",
    ["BEGIN", "BEGIN IMMEDIATE", "COMMIT", "ROLLBACK", "SAVEPOINT a", "RELEASE a",
     "SELECT 1; COMMIT"],
)  # fmt: skip
def test_transactions_by_sql_are_refused(world, query):
    """semantics 5.3: the error says what to use instead."""
    raised = Raised("SqlError", "transaction_sync()")
    assert world.new("KEEPER").steps(execute(query)) == [raised]


@pytest.mark.parametrize(
    "query",
    ["ATTACH 'x.db' AS x", "DETACH main", "CREATE TEMP TABLE x(a)", "CREATE TEMP VIEW x AS SELECT 1",
     "VACUUM", "VACUUM INTO 'x.db'", "PRAGMA journal_mode = delete", "PRAGMA synchronous = off",
     "PRAGMA writable_schema = on", "PRAGMA max_page_count = 1", "PRAGMA database_list",
     "PRAGMA wal_checkpoint", "SELECT sqlite_version()", "SELECT sqlite_source_id()",
     "SELECT sqlite_compileoption_get(0)", "SELECT load_extension('x')",
     "CREATE VIRTUAL TABLE d USING dbstat", "CREATE TABLE _sd_x(a)", "SELECT * FROM _sd_kv",
     "DROP TABLE _SD_KV", "CREATE TABLE t(a); ALTER TABLE t RENAME TO _sd_t",
     "UPDATE sqlite_schema SET sql = ''"],
)  # fmt: skip
def test_what_would_break_the_object_is_refused(world, query):
    """semantics 5.3, trap 24: other files, settings of the file, reserved names."""
    keeper = world.new("KEEPER")
    assert keeper.steps(storage.put("a", 1), execute(query))[1] == Raised("SqlError")
    assert keeper.steps(storage.get("a")) == [1]


@pytest.mark.parametrize("name", ["x_sd_", "sd_kv", "_s", "_sdx"])
def test_names_that_only_look_reserved_are_free(world, name):
    """semantics 5.3: the prefix is reserved, nothing like it."""
    assert world.new("KEEPER").steps(execute(f"CREATE TABLE {name}(a)")) == [[]]


@pytest.mark.parametrize(
    ("query", "bindings", "raised"),
    [
        ("", [], Raised("ValueError", "SQL code did not contain a statement.")),
        ("-- nothing", [], Raised("ValueError", "SQL code did not contain a statement.")),
        (" ; ;", [], Raised("ValueError", "SQL code did not contain a statement.")),
        ("SELECT ?", [], Raised("ValueError", "Wrong number of parameter bindings for SQL query.")),
        ("SELECT 1", [1], Raised("ValueError", "Wrong number of parameter bindings")),
        ("SELECT ?; SELECT 1", [1], Raised("ValueError", "Wrong number of parameter bindings")),
        ("SELEC 1", [], Raised("SqlError", "syntax error")),
        ("SELECT * FROM missing", [], Raised("SqlError", "no such table: missing")),
        ("INSERT INTO t VALUES (1)", [], Raised("SqlConstraintError", "UNIQUE constraint failed")),
        ("INSERT INTO t VALUES (-1)", [], Raised("SqlConstraintError", "CHECK constraint failed")),
        ("SELECT abs(-9223372036854775808)", [], Raised("SqlError", "integer overflow")),
    ],
)
def test_a_statement_that_fails_leaves_the_rest(world, query, bindings, raised):
    """semantics 5.3, 4.4.4: the turn goes on without it."""
    keeper = world.new("KEEPER")
    make = execute("CREATE TABLE t(x UNIQUE CHECK (x > 0)); INSERT INTO t VALUES (1)")
    outcomes = keeper.steps(make, execute(query, *bindings), storage.put("after", 1))
    assert outcomes == [[], raised, None]
    assert keeper.steps(execute("SELECT x FROM t"), storage.get("after")) == [[[1]], 1]


def test_a_cursor_is_read_once_in_every_way(world):
    """semantics 5.3: rows and raw rows share the position; counts grow to their end."""
    written, columns, first, second, rest, read = world.new("KEEPER").call("cursor")
    assert (written, columns, first, second) == (3, ["x", "y"], "a", [2, "b"])
    assert rest == [{"x": 3, "y": "c"}]
    assert read == 3


def test_cursors_of_one_query_are_two(world):
    """semantics 5.3: each has its own position, over awaits and commits."""
    assert world.new("KEEPER").call("cursors_of_one_query") == [999, 999]


def test_the_size_of_the_database_grows(world):
    """semantics 5.3: in bytes, free pages not counted."""
    make = execute("CREATE TABLE t(x); INSERT INTO t VALUES (zeroblob(100000))")
    size = storage.sql.database_size()
    before, _, after = world.new("KEEPER").steps(size, make, size)
    assert after - before >= 100_000


def test_entries_and_tables_are_one_transaction(world):
    """semantics 4.4.1, trap 2: what follows a failure of one is a failure of both."""
    actor = world.new("ACTOR")
    actor.fails("writes_and_aborts", "kept", "lost")
    assert actor.call("entries") == {"kept": 1}
    assert actor.call("tables") == []
