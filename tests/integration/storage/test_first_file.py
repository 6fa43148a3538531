"""When a new object gets its file: never for what its constructor would write again."""

from __future__ import annotations

import pytest

DDL = "CREATE TABLE IF NOT EXISTS t(x); CREATE INDEX IF NOT EXISTS i ON t(x)"


def write_sql(storage):
    """Make tables."""
    storage.sql.exec(DDL)


def write_entry(storage):
    """Put an entry."""
    storage.kv.put("made", 1)


def write_both(storage):
    """Make tables and put entries, in a transaction too."""
    storage.sql.exec(DDL)
    storage.transaction_sync(lambda: storage.kv.put("made", 1))
    storage.sql.exec("INSERT INTO t VALUES(1)")


def read_all(storage):
    """Read in every way."""
    storage.kv.get("made")
    list(storage.kv.list())
    storage.sql.exec("SELECT * FROM sqlite_schema").to_list()


def write_nothing(storage):
    """Write without changing anything."""
    if storage.sql.exec("SELECT 1 FROM sqlite_schema WHERE name = 't'").to_list():
        storage.sql.exec(f"{DDL}; DELETE FROM t WHERE x = 77")
    storage.kv.delete("unknown")
    storage.transaction_sync(dict)


@pytest.mark.parametrize("constructor", [read_all, write_sql, write_entry, write_both])
@pytest.mark.parametrize("event", [read_all, write_nothing])
async def test_an_event_that_writes_nothing_leaves_no_file(world, constructor, event):
    """What the constructor wrote stays in memory: it would write the same again."""
    database = world.database(constructed=False)
    constructor(database.storage)
    database.mark_constructed()
    event(database.storage)
    await database.sync()
    await database.close()
    assert not world.path().parent.exists()


@pytest.mark.parametrize("constructor", [read_all, write_sql, write_entry, write_both])
@pytest.mark.parametrize(
    "write",
    [
        lambda storage: storage.kv.put("a", 1),
        lambda storage: storage.sql.exec("CREATE TABLE more(x)"),
        lambda storage: storage.sql.exec("CREATE TABLE u AS SELECT 1 AS x"),
    ],
)
async def test_an_event_that_writes_makes_the_file_with_all_of_it(world, constructor, write):
    """The constructor's writes go into the file with the first of an event's."""
    database = world.database(constructed=False)
    constructor(database.storage)
    database.mark_constructed()
    write(database.storage)
    await database.close()
    assert world.path().exists()
    found = world.database().storage
    assert found.kv.get("made", 0) == (1 if constructor in (write_entry, write_both) else 0)
    tables = found.sql.exec("SELECT count(*) FROM sqlite_schema WHERE name = 't'").one()[0]
    assert tables == (1 if constructor in (write_sql, write_both) else 0)
