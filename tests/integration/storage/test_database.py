"""Commits, files and endings of one object's database, on real files."""

from __future__ import annotations

import asyncio
import subprocess
import sys

from sourdough.storage.engine import Durability

# Stock SQLite, in a process of its own: the standard library's.
READ = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], timeout=0)
for sql in sys.argv[2:]:
    print(*connection.execute(sql).fetchone())
"""


async def durable(database, commit) -> None:
    """Wait until a commit is durable."""
    done = asyncio.get_running_loop().create_future()
    database.when_durable(
        commit, lambda error: done.set_exception(error) if error else done.set_result(None)
    )
    await done


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
    database = world.database(engine=world.engine(sync=disk))
    await database.storage.put("a", 0)
    await database.sync()
    disk.go.clear()
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


async def test_the_file_is_locked_against_other_processes(world):
    """A second process cannot open a live object's file, also after our descriptors moved (S3)."""
    database = world.database()
    await database.storage.put("a", 1)
    await database.sync()
    await database.storage.put("a", 2)
    await database.sync()
    result = subprocess.run(
        [sys.executable, "-c", READ, str(world.path()), "SELECT count(*) FROM _sd_kv"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert "locked" in result.stderr
    assert result.stdout == ""


async def test_closing_never_folds_by_itself(world):
    """A hand-over leaves database and WAL as they are; the next owner finds it all (S4)."""
    database = world.database()
    await database.storage.put("a", 1)
    await database.sync()
    size = world.path().stat().st_size
    await database.storage.put("b", "x" * 10_000)
    await database.release()
    assert world.files() == [".sqlite", ".sqlite-wal"]
    assert world.path().stat().st_size == size
    assert await world.database().storage.get("b") == "x" * 10_000


async def test_stock_sqlite_reads_a_closed_file(world):
    """After close() the file is whole by itself: no WAL is left, any SQLite can read it."""
    database = world.database()
    database.storage.sql.exec("CREATE TABLE t(x); INSERT INTO t VALUES(1), (2)")
    await database.sync()
    database.storage.sql.exec("INSERT INTO t VALUES(3)")
    await database.close()
    assert world.files() == [".sqlite"]
    result = subprocess.run(
        [
            sys.executable,
            "-c",
            READ,
            str(world.path()),
            "SELECT sum(x) FROM t",
            "PRAGMA integrity_check",
        ],
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
