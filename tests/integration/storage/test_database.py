"""Commits, files and endings of one object's database, on real files."""

from __future__ import annotations

import asyncio
import subprocess

import apsw
import pytest

from sourdough.errors import SqlError, StorageClosedError, StorageError, StorageFormatError
from sourdough.storage.engine import Durability


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


async def test_reading_an_unknown_object_leaves_no_file(world):
    """Gets, lists and deletes of nothing create neither a file nor a folder."""
    database = world.database()
    assert await database.storage.get("a", 7) == 7
    assert await database.storage.list() == {}
    assert await database.storage.delete("a") is False
    assert database.storage.sql.exec("SELECT 1 AS one").one().one == 1
    assert database.flush() == 0
    await database.close()
    assert list(world.folder.iterdir()) == []


async def test_a_first_write_is_durable_and_found_again(world):
    """What was written and synced is there for the next owner."""
    database = world.database()
    await database.storage.put("a", {"n": 1})
    assert database.pending
    commit = database.flush()
    assert commit == 1
    await durable(database, commit)
    assert not database.pending
    assert database.flush() == 0
    await database.close()
    assert world.files() == [".sqlite"]
    assert await world.database().storage.get("a") == {"n": 1}


async def test_writes_of_one_turn_are_one_commit(world):
    """Several writes share a transaction; the next turn's writes are the next commit."""
    database = world.database()
    await database.storage.put("a", 1)
    await database.storage.put("b", 2)
    database.storage.sql.exec("CREATE TABLE t(x)")
    assert database.flush() == 1
    await database.storage.put("a", 3)
    await database.storage.put("b", 4)
    assert database.flush() == 2


async def test_the_end_of_the_turn_commits_by_itself(world):
    """Nobody has to flush."""
    database = world.database()
    await database.storage.put("a", 1)
    assert not world.path().exists()
    await asyncio.sleep(0)
    assert world.path().exists()


async def test_a_commit_that_changed_nothing_waits_for_nothing(world):
    """Writing what stands there already depends on the commit that put it there."""
    database = world.database()
    await database.storage.put("a", 1)
    await database.sync()
    await database.storage.put("a", 1)
    assert database.flush() == 0


async def test_constructor_tables_alone_leave_no_file(world):
    """`create table if not exists` before mark_constructed stays in memory until an event writes."""
    database = world.database(constructed=False)
    database.storage.sql.exec("CREATE TABLE IF NOT EXISTS t(x)")
    database.mark_constructed()
    assert database.storage.sql.exec("SELECT count(*) AS n FROM t").one().n == 0
    assert database.flush() == 0
    assert not world.path().exists()
    database.storage.sql.exec("INSERT INTO t VALUES(5)")
    await database.sync()
    await database.close()
    again = world.database()
    assert again.storage.sql.exec("SELECT x FROM t").to_list() == [(5,)]


async def test_allow_unconfirmed_does_not_raise_the_gate(world):
    """Answers do not wait for it; sync() does."""
    database = world.database()
    await database.storage.put("a", 1)
    await database.sync()
    await database.storage.put("b", 2, allow_unconfirmed=True)
    assert database.flush() == 0
    assert database.pending
    await database.sync()
    assert not database.pending


async def test_no_answer_before_the_sync_returns(world, disk):
    """The gate of a commit opens when its sync has returned, not before (invariant S1)."""
    disk.go.clear()
    database = world.database(engine=world.engine(sync=disk))
    await database.storage.put("a", 1)
    answers = []
    database.when_durable(database.flush(), answers.append)
    await asyncio.sleep(0.02)
    assert answers == []
    disk.go.set()
    await database.sync()
    assert answers == [None]


async def test_commits_during_a_sync_share_the_next_one(world, disk):
    """Ten commits made while one sync runs need one more sync, not ten."""
    database = world.database(engine=world.engine(sync=disk))
    await database.storage.put("a", 0)
    await database.sync()
    disk.calls = 0
    disk.go.clear()
    for value in range(1, 11):
        await database.storage.put("a", value)
        assert database.flush() == value + 1
    disk.go.set()
    await database.sync()
    assert disk.calls == 2


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


async def test_durability_os_waits_for_no_disk(world, disk):
    """A commit is as good as durable at once, and the file is there for the next process."""
    engine = world.engine(sync=disk, durability=Durability.OS)
    database = world.database(engine=engine)
    await database.storage.put("a", 1)
    assert database.flush() == 0
    await database.storage.put("a", 2)
    assert database.flush() == 0
    assert disk.calls == 0
    await database.release()
    assert await world.database(engine=engine).storage.get("a") == 2


async def test_found_commits_are_made_durable_before_an_answer(world, disk):
    """What a dead predecessor left in the WAL is a pending commit of its successor."""
    database = world.database(engine=world.engine(sync=disk))
    await database.storage.put("a", 1)
    await database.sync()
    await database.storage.put("a", 2)
    await database.release()
    assert world.files() == [".sqlite", ".sqlite-wal"]
    calls = disk.calls
    successor = world.database()
    assert await successor.storage.get("a") == 2
    commit = successor.flush()
    assert commit == 1
    await durable(successor, commit)
    assert disk.calls > calls


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
    """While the marker stands beside a file, nothing of it was acknowledged; garbage is harmless."""
    path = world.path()
    path.parent.mkdir(parents=True)
    path.write_bytes(b"SQLite format 3\0" + b"torn" * 500)
    path.with_name(path.name + ".new").write_bytes(b"x")
    database = world.database()
    assert await database.storage.get("a") is None
    await database.storage.put("a", 1)
    await database.close()
    assert world.files() == [".sqlite"]


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


async def test_the_file_is_locked_against_other_processes(world):
    """A second process cannot open a live object's file, also after our descriptors moved (S3)."""
    database = world.database()
    await database.storage.put("a", 1)
    await database.sync()
    await database.storage.put("a", 2)
    await database.sync()
    result = subprocess.run(
        ["sqlite3", str(world.path()), "SELECT count(*) FROM _sd_kv"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert "locked" in result.stderr
    assert result.stdout == ""


async def test_stock_sqlite_reads_a_closed_file(world):
    """After close() the file is whole by itself: no WAL is left, any SQLite can read it."""
    database = world.database()
    database.storage.sql.exec("CREATE TABLE t(x); INSERT INTO t VALUES(1), (2)")
    await database.sync()
    database.storage.sql.exec("INSERT INTO t VALUES(3)")
    await database.close()
    assert world.files() == [".sqlite"]
    result = subprocess.run(
        ["sqlite3", str(world.path()), "SELECT sum(x) FROM t; PRAGMA integrity_check"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert result.stdout.split() == ["6", "ok"]


async def test_a_long_wal_is_folded_when_durable(world):
    """Beyond the limit the WAL starts again instead of growing."""
    database = world.database(engine=world.engine(fold_bytes=100_000))
    for value in range(300):
        await database.storage.put("a", [value, "x" * 1000])
        await database.sync()
    wal = world.path().with_name(world.path().name + "-wal")
    assert wal.stat().st_size < 200_000
    await database.close()
    assert (await world.database().storage.get("a"))[0] == 299


async def test_a_full_disk_that_ends_the_transaction_is_critical(world):
    """Storage breaks once, every later call raises the same, and the last commit survives."""
    database = world.database()
    await database.storage.put("a", 1)
    await database.sync()
    database.connection().execute("PRAGMA max_page_count=20")
    with pytest.raises(StorageError, match="database or disk is full: SQLITE_FULL"):
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
    with pytest.raises(SqlError, match="full"):
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


async def test_a_new_objects_settings_move_into_its_file(world):
    """A pragma set while the object was in memory holds on the file's connection too."""
    database = world.database()
    database.storage.sql.exec("PRAGMA foreign_keys=OFF")
    database.storage.sql.exec(
        "CREATE TABLE p(id INTEGER PRIMARY KEY); CREATE TABLE c(p REFERENCES p)"
    )
    await database.sync()
    database.storage.sql.exec("INSERT INTO c VALUES(7)")
    await database.sync()
    assert database.storage.sql.exec("PRAGMA foreign_keys").one()[0] == 0


async def test_a_name_learned_later_is_kept(world):
    """The first name told is written with the next commit and never erased (semantics 1.13)."""
    database = world.database()
    await database.storage.put("a", 1)
    await database.close()
    database = world.database(name="room")
    await database.storage.put("a", 2)
    await database.close()
    database = world.database()
    assert await database.storage.get("a") == 2
    assert database.meta.name == "room"
    database.learn_name("other")
    assert database.meta.name == "room"


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


async def test_an_open_cursor_survives_the_move_into_a_file(world):
    """A cursor on the memory database reads on after the first commit made the file."""
    database = world.database()
    sql = database.storage.sql
    sql.exec("CREATE TABLE t(x)")
    sql.exec(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000)"
        " INSERT INTO t SELECT i FROM n"
    )
    cursor = sql.exec("SELECT x FROM t")
    first = next(cursor)
    await database.sync()
    assert first.x + sum(row.x for row in cursor) == 500_500


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
    """The first commit's gate gets the error, and the next owner starts afresh (S2, S7)."""
    disk.error = OSError(5, "Input/output error")
    database = world.database(engine=world.engine(sync=disk))
    await database.storage.put("a", 1)
    with pytest.raises(OSError, match="Input/output"):
        await durable(database, database.flush())
    database.abandon()
    assert await world.database(engine=world.engine()).storage.get("a") is None


async def test_two_objects_in_one_folder_are_independent(world):
    """Closing one leaves the other's lock, data and commits alone."""
    first, second = world.database("a"), world.database("b")
    await first.storage.put("x", 1)
    await second.storage.put("x", 2)
    await first.sync()
    await first.close()
    await second.storage.put("x", 3)
    await second.sync()
    assert await second.storage.get("x") == 3
    assert await world.database("a").storage.get("x") == 1
