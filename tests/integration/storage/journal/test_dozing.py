"""A database that nobody uses is closed under its object, which notices nothing of it."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import subprocess
import sys

import pytest

from sourdough.errors import StorageError
from sourdough.storage.awake import Awake
from sourdough.storage.engine import Durability
from tests.integration.storage.journal.conftest import soon


def doze(storage) -> bool:
    """Have a database looked at, and closed if it may be."""
    database = storage._database
    database.tire()
    return database.tire() > 0 and database.doze()


async def written_twice(storage) -> None:
    """Write into a database that was made here, and once more when it has slept.

    The first connection of a new file has its `-wal` under another name.
    """
    for number in range(2):
        doze(storage)
        await storage.put("n", number)
        await storage.sync()


def descriptors() -> list[str]:
    """Return which files of objects this process has open."""
    found = []
    for fd in os.listdir("/proc/self/fd"):
        try:
            target = os.readlink(f"/proc/self/fd/{fd}")
        except FileNotFoundError:
            continue
        if ".sqlite" in target:
            found.append(target)
    return found


async def test_a_dozing_database_has_nothing_open_and_wakes_with_all_it_had(server):
    """No connection, no descriptor; the next call opens it, and another one closes it again."""
    storage = server.object()
    for number in range(5):
        await storage.put("n", number)
        await storage.sync()
        assert doze(storage)
        assert storage._database._connection is None
        if os.path.isdir("/proc/self/fd"):
            assert descriptors() == []
        assert await storage.get("n") == number
    await server.release()
    assert server.leftovers() == []
    server.start()
    assert await server.object().get("n") == 4


async def test_what_is_not_on_the_medium_keeps_a_database_open(server):
    """It could not be folded (S5); who waits for the commit is told by the open file."""
    server.host(threads=True)
    storage = server.object()
    await storage.put("n", 0)
    await storage.sync()
    server.disk.go.clear()
    await storage.put("n", 1)
    storage._database.flush()
    assert not doze(storage)
    server.disk.go.set()
    await storage.sync()
    assert doze(storage)


async def test_a_commit_that_is_durable_enough_for_its_class_still_keeps_it_open(server):
    """With durability "memory" nobody waits, but folding needs the journal on the medium (S5)."""
    server.host(threads=True)
    storage = server.object(durability=Durability.MEMORY)
    server.disk.go.clear()
    await storage.put("n", 1)
    storage._database.flush()
    assert not doze(storage)
    server.disk.go.set()
    server.current.journal.want_sync()
    await soon(lambda: doze(storage))
    assert await storage.get("n") == 1


async def test_an_open_transaction_keeps_a_database_open(server):
    """What a turn has written so far is only in its connection."""
    storage = server.object()
    await storage.put("n", 1)
    await storage.sync()
    storage.kv.put("n", 2)
    assert not doze(storage)
    await storage.sync()

    def look() -> None:
        storage.kv.put("n", 3)
        assert not doze(storage)

    storage.transaction_sync(look)
    assert await storage.get("n") == 3


async def test_a_cursor_that_is_not_read_to_its_end_keeps_a_database_open(server):
    """Its statement is in the connection; one that is at its end is not."""
    storage = server.object()
    storage.sql.exec("CREATE TABLE t(n INTEGER)")
    storage.sql.exec(
        "WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c LIMIT 500)"
        " INSERT INTO t SELECT n FROM c"
    )
    await storage.sync()
    cursor = storage.sql.exec("SELECT n FROM t ORDER BY n")
    assert next(cursor).n == 1
    assert not doze(storage)
    assert len(cursor.to_list()) == 499
    assert doze(storage)
    ended = storage.sql.exec("SELECT n FROM t WHERE n < 3 ORDER BY n")
    assert doze(storage)
    assert [row.n for row in ended] == [1, 2]


async def test_a_value_that_was_only_looked_up_keeps_nothing_open(server):
    """The statement of the last `get` goes with the cursor."""
    storage = server.object()
    await storage.put("n", 1)
    await storage.sync()
    assert await storage.get("n") == 1
    assert doze(storage)


async def test_settings_of_a_connection_are_kept(server):
    """Pragmas that were set, as they were in force, and the rowid of the last insert."""
    storage = server.object()
    exec_ = storage.sql.exec
    exec_("CREATE TABLE parent(id INTEGER PRIMARY KEY)")
    exec_("CREATE TABLE child(id INTEGER PRIMARY KEY, of INTEGER REFERENCES parent(id))")
    await storage.sync()
    exec_("PRAGMA foreign_keys = OFF")
    exec_("PRAGMA case_sensitive_like = ON")
    exec_("INSERT INTO child(id, of) VALUES(7, 1)")
    exec_("PRAGMA foreign_keys = ON")  # inside the turn's transaction it does nothing
    await storage.sync()
    assert doze(storage)
    assert exec_("SELECT last_insert_rowid()").one()[0] == 7
    assert exec_("PRAGMA foreign_keys").one()[0] == 0
    assert exec_("SELECT 'a' LIKE 'A'").one()[0] == 0
    exec_("INSERT INTO child(of) VALUES(2)")


async def test_statements_of_users_stay_restricted(server):
    """The new connection has the authorizer and the limits of the first."""
    storage = server.object()
    await storage.put("n", 1)
    await storage.sync()
    assert doze(storage)
    with pytest.raises(StorageError, match="not authorized"):
        storage.sql.exec("SELECT * FROM _sd_kv")
    with pytest.raises(StorageError, match="ATTACH"):
        storage.sql.exec("ATTACH 'x' AS y")


async def test_an_alarm_is_read_from_a_database_that_dozes(server):
    """Also by what does not go through a storage call: the runtime's own bookkeeping."""
    told = []

    class Index:
        def sooner(self, due, name, kept):
            kept()

        def moved(self, due, name):
            told.append(due)

    storage = server.object(alarms=Index())
    await storage.set_alarm(1_800_000_000_000)
    await storage.sync()
    told.clear()
    assert doze(storage)
    storage._database.alarm.correct()
    assert told == [1_800_000_000_000]
    assert doze(storage)
    assert await storage.get_alarm() == 1_800_000_000_000


async def test_a_name_that_is_learned_meanwhile_is_stored(server):
    """Whoever called by id before may call by name while the database dozes."""
    storage = server.object()
    await storage.put("n", 1)
    await storage.sync()
    assert doze(storage)
    storage._database.learn_name("anna")
    await storage.put("n", 2)
    await server.release()
    assert server.object()._database.exists
    assert server.databases[-1].meta.name == "anna"


async def test_numbers_of_commits_go_on(server):
    """Who waits for a commit from before is not told of another, nor left waiting."""
    storage = server.object()
    database = storage._database
    await storage.put("n", 1)
    await storage.sync()
    before = database.commits
    await server.current.marker.finish()
    assert doze(storage)
    assert (database.commits, database.flush()) == (before, 0)
    told = []
    database.when_durable(before, told.append)
    assert told == [None]
    await storage.put("n", 2)
    assert database.flush() > before


async def test_a_killed_host_leaves_nothing_of_dozing_databases_to_be_believed(server):
    """What stands beside them, and what they committed after waking, is as after any kill (S5)."""
    awake, slept = server.object("a"), server.object("b")
    for storage in (awake, slept):
        await storage.put("n", 1)
        await storage.sync()
        assert doze(storage)
    await awake.put("n", 2)
    await awake.sync()
    server.kill()
    assert await server.object("a").get("n") == 2
    assert await server.object("b").get("n") == 1


async def test_a_wal_that_a_closed_database_left_goes_with_the_journal(server):
    """It stays, without content, for the next opening; when the seat is given away it goes."""
    ends = (lambda d: d.close(), lambda d: d.release(), None)
    for dozing in (False, True):
        for number, end in enumerate(ends):
            storage = server.object(f"{number}{dozing}")
            await written_twice(storage)
            if dozing:
                assert doze(storage)
            if end is None:
                storage._database.abandon()
            else:
                await end(storage._database)
            server.databases.clear()
            assert server.leftovers() != []
            again = server.object(f"{number}{dozing}")
            assert await again.get("n") == 1
            await again._database.close()
            server.databases.clear()
    await server.release()
    assert server.leftovers() == []


async def test_a_wal_that_was_kept_is_empty_to_every_reader(server):
    """Nobody who looks by hand, as the folder's page warns of, folds old pages over newer ones."""
    storage = server.object()
    await written_twice(storage)
    assert doze(storage)
    (wal,) = server.path().parent.glob("*-wal")
    assert wal.stat().st_size > 0
    assert wal.read_bytes()[:32] == bytes(32)
    with sqlite3.connect(server.path()) as other:
        assert other.execute("SELECT count(*) FROM _sd_kv").fetchone() == (1,)
    other.close()
    assert await storage.get("n") == 1


async def test_a_long_wal_is_not_kept(server):
    """Ten thousand objects that rest would keep ten thousand of them."""
    storage = server.object()
    await written_twice(storage)
    await storage.put("big", os.urandom(200_000))
    await storage.sync()
    assert doze(storage)
    await soon(lambda: server.leftovers() == [])
    assert len(await storage.get("big")) == 200_000


async def test_a_database_that_was_opened_as_a_draft_leaves_no_wal_of_that_name(server):
    """A new file gets its name when its first record is durable; the connection knows the old."""
    storage = server.object()
    await storage.put("n", 1)
    await storage.sync()
    assert doze(storage)
    await soon(lambda: not any(".new" in name for name in server.leftovers()))


async def test_what_dozes_is_marked_in_the_background(server):
    """The journal's segments are used again, and the database can be opened while it is synced."""
    server.host(segment_bytes=64 * 1024, keep_segments=0)
    storage = server.object()
    first = server.current.journal.use
    for number in range(200):
        await storage.put("filler", bytes([number % 256]) * 3000)
        await storage.sync()
        doze(storage)
        await asyncio.sleep(0)
    await soon(lambda: server.current.journal.segments.oldest > first)
    assert await storage.get("filler") == bytes([199]) * 3000


async def test_a_file_that_is_gone_breaks_the_instance(server):
    """Somebody deleted it by hand: an error and a reset, and no new database in its place."""
    storage = server.object()
    await storage.put("n", 1)
    await storage.sync()
    assert doze(storage)
    server.path().unlink()
    with pytest.raises(StorageError, match="cannot be opened"):
        await storage.get("n")
    assert len(server.broken) == 1
    assert not server.path().exists()


async def test_the_lock_is_there_again_after_waking(server):
    """Another process cannot read a database that is open (invariant S3)."""
    storage = server.object()
    await storage.put("n", 1)
    await storage.sync()
    assert doze(storage)
    assert await storage.get("n") == 1
    script = "import sqlite3, sys; sqlite3.connect(sys.argv[1], timeout=0).execute('select * from _sd_kv').fetchall()"
    told = await asyncio.to_thread(
        subprocess.run, [sys.executable, "-c", script, str(server.path())],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert "database is locked" in told.stderr


async def test_more_objects_than_may_be_open_are_all_served(server):
    """Each call finds its database, however many have been closed for others."""
    engine = server.host().engine()
    engine.awake = Awake(soon=asyncio.get_running_loop().call_soon, limit=4, most=8)
    server.current.engine = lambda **_: engine
    objects = [server.object(str(number)) for number in range(24)]
    for turn in range(3):
        for number, storage in enumerate(objects):
            assert await storage.get("n") == (turn - 1 if turn else None)
            await storage.put("n", turn)
            assert len(engine.awake) <= 8
            if number % 4 == 0:
                await storage.sync()


@pytest.mark.parametrize("level", [Durability.OS, Durability.MEMORY])
async def test_a_class_that_never_asks_for_the_medium_keeps_no_database_open(server, level):
    """Who wants to close one asks: else its descriptors would be gone for good (invariant P10)."""
    await server.object().put("n", 0)
    await server.release()  # what makes a new file durable is over
    server.host()
    storage = server.object(durability=level)
    await storage.put("n", 1)
    storage._database.flush()
    assert not doze(storage)
    await soon(lambda: doze(storage))
    assert await storage.get("n") == 1
