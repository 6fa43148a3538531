"""What fails, and what is left when it has: syncs, full disks, dead instances, foreign files."""

from __future__ import annotations

import asyncio

import apsw
import pytest

from sourdough.errors import (
    SqlFullError,
    StorageClosedError,
    StorageError,
    StorageFormatError,
    StorageFullError,
)


async def durable(database, commit) -> None:
    """Wait until a commit is durable."""
    done = asyncio.get_running_loop().create_future()
    database.when_durable(
        commit, lambda error: done.set_exception(error) if error else done.set_result(None)
    )
    await done


async def fill(database) -> None:
    """Write until the disk is full."""
    for number in range(200):
        await database.storage.put(f"k{number}", "x" * 2000)
        database.flush()


async def test_a_failed_sync_is_final(world, disk):
    """The gate gets the error, the host is told once, and nothing is synced again (S2)."""
    database = world.database(engine=world.engine(sync=disk))
    await database.storage.put("a", 1)
    await database.sync()
    disk.error = OSError(5, "Input/output error")
    await database.storage.put("a", 2)
    with pytest.raises(OSError, match="Input/output"):
        await durable(database, database.flush())
    calls = disk.calls
    disk.error = None
    await database.storage.put("a", 3)
    with pytest.raises(OSError, match="Input/output"):
        await durable(database, database.flush())
    assert disk.calls == calls
    assert len(world.failed) == 1


@pytest.mark.parametrize("content", [b"", bytes(8192)])
async def test_a_blank_file_was_never_acknowledged(world, content):
    """A file of no bytes or only zeros is started afresh, its WAL included."""
    path = world.path()
    path.parent.mkdir(parents=True)
    path.write_bytes(content)
    path.with_name(path.name + "-wal").write_bytes(b"x" * 100)
    database = world.database()
    assert await database.storage.get("a") is None
    await database.storage.put("a", 1)
    await database.close()
    assert await world.database().storage.get("a") == 1


async def test_a_creation_cut_short_is_started_afresh(world):
    """A file without its name yet was never acknowledged; garbage and an old WAL are harmless."""
    path = world.path()
    path.parent.mkdir(parents=True)
    path.with_name(path.name + ".new").write_bytes(b"SQLite format 3\0" + b"torn" * 500)
    path.with_name(path.name + "-wal").write_bytes(b"of an object that was deleted")
    database = world.database()
    assert await database.storage.get("a") is None
    await database.storage.put("a", 1)
    await database.close()
    assert world.files() == [".sqlite"]
    assert await world.database().storage.get("a") == 1


async def test_an_abandoned_object_raises_and_undoes_its_turn(world):
    """After abandon() every call raises, the open transaction is gone, the rest stays."""
    database = world.database()
    await database.storage.put("a", 1)
    await database.sync()
    await database.storage.put("a", 2)
    database.abandon()
    for call in (
        lambda: database.storage.kv.get("a"),
        lambda: database.storage.kv.put("a", 3),
        lambda: database.storage.sql.exec("SELECT 1"),
        database.flush,
    ):
        with pytest.raises(StorageClosedError, match="no longer accessible"):
            call()
    assert await world.database().storage.get("a") == 1


async def test_abandoning_tells_who_waits(world, disk):
    """A pending gate gets an error, and the next instance opens the same file at once."""
    database = world.database(engine=world.engine(sync=disk))
    await database.storage.put("a", 0)
    await database.sync()
    disk.go.clear()
    await database.storage.put("a", 1)
    answers = []
    database.when_durable(database.flush(), answers.append)
    database.abandon()
    assert isinstance(answers[0], StorageClosedError)
    disk.go.set()
    successor = world.database()
    assert await successor.storage.get("a") == 1
    await successor.sync()
    assert ".sqlite.new" not in world.files()


async def test_a_full_disk_that_ends_the_transaction_is_critical(world):
    """Storage breaks once, every later call raises the same, and the last commit survives."""
    database = world.database()
    await database.storage.put("a", 1)
    await database.sync()
    database.connection().execute("PRAGMA max_page_count=20")
    with pytest.raises(StorageFullError, match="database or disk is full: SQLITE_FULL"):
        await fill(database)
    assert [str(error) for error in world.broken] == ["database or disk is full: SQLITE_FULL"]
    for call in (
        lambda: database.storage.kv.get("a"),
        lambda: database.storage.kv.put("b", 1),
        lambda: database.storage.sql.exec("SELECT 1"),
        lambda: database.storage.transaction_sync(dict),
        database.flush,
    ):
        with pytest.raises(StorageError, match="full: SQLITE_FULL"):
            call()
    assert len(world.broken) == 1
    database.abandon()
    assert await world.database().storage.get("a") == 1


async def test_a_full_disk_that_ends_one_statement_is_an_exception(world):
    """SQLite undid the statement alone: the turn goes on and commits."""
    database = world.database()
    await database.storage.put("a", 1)
    database.storage.sql.exec("CREATE TABLE t(x)")
    await database.sync()
    database.connection().execute("PRAGMA max_page_count=20")
    await database.storage.put("a", 2)
    with pytest.raises(SqlFullError, match="full"):
        database.storage.sql.exec(
            "INSERT INTO t WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n"
            " WHERE i < 50) SELECT randomblob(3000) FROM n"
        )
    await database.sync()
    assert world.broken == []
    assert await database.storage.get("a") == 2


async def test_a_constraint_failing_at_commit_resets(world):
    """A deferred foreign key left dangling undoes the turn and breaks the object (4.4.4)."""
    database = world.database()
    sql = database.storage.sql
    sql.exec("CREATE TABLE p(id INTEGER PRIMARY KEY)")
    sql.exec("CREATE TABLE c(p REFERENCES p DEFERRABLE INITIALLY DEFERRED)")
    await database.sync()
    sql.exec("INSERT INTO c VALUES(7)")
    with pytest.raises(StorageError, match="last known good state"):
        database.flush()
    assert len(world.broken) == 1
    with pytest.raises(StorageError, match="last known good state"):
        await database.storage.get("a")
    database.abandon()
    assert world.database().storage.sql.exec("SELECT count(*) FROM c").one()[0] == 0


async def test_a_newer_file_is_refused_with_a_sentence(world):
    """A file of a later version is named, not guessed at (invariant S14)."""
    database = world.database()
    await database.storage.put("a", 1)
    await database.close()
    connection = apsw.Connection(str(world.path()))
    connection.execute("PRAGMA user_version=9")
    connection.close()
    with pytest.raises(StorageFormatError, match="has format 9"):
        await world.database().storage.get("a")


async def test_a_folder_that_cannot_be_written_breaks_the_object(world):
    """A creation that fails is an error with its place, and the instance is reset."""
    database = world.database()
    await database.storage.put("a", 1)
    (world.folder / "Counter").write_text("a file where a folder should be")
    with pytest.raises(StorageError, match="cannot be created") as caught:
        database.flush()
    assert caught.value.place == str(world.path())
    assert len(world.broken) == 1


async def test_a_close_that_cannot_sync_says_so_and_lets_go(world, disk):
    """The error reaches the caller, and the file is free for the next owner."""
    database = world.database(engine=world.engine(sync=disk))
    await database.storage.put("a", 1)
    await database.sync()
    disk.error = OSError(5, "Input/output error")
    await database.storage.put("a", 2)
    with pytest.raises(OSError, match="Input/output"):
        await database.close()
    assert len(world.failed) == 1
    successor = world.database(engine=world.engine())
    assert await successor.storage.get("a") == 2


async def test_a_creation_that_cannot_be_synced_is_not_acknowledged(world, disk):
    """The first commit breaks the object and ends the host; the next owner starts afresh (S2, S7)."""
    disk.error = OSError(5, "Input/output error")
    database = world.database(engine=world.engine(sync=disk))
    await database.storage.put("a", 1)
    with pytest.raises(StorageError, match="Input/output"):
        database.flush()
    assert len(world.failed) == 1
    database.abandon()
    assert await world.database(engine=world.engine()).storage.get("a") is None
