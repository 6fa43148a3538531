"""A long `-wal` is folded by a thread: the object goes on, the loop does not stand still (S12)."""

from __future__ import annotations

import asyncio
import errno
import threading

import pytest

from tests.integration.storage.journal.conftest import soon

SMALL = 10_000
LARGE = bytes(range(256)) * 120
# More rows than a cursor reads ahead.
MANY = """
INSERT INTO t
WITH RECURSIVE n(x) AS (SELECT 0 UNION ALL SELECT x + 1 FROM n WHERE x < 299) SELECT x FROM n
"""


class Held:
    """Holds the folding thread in front of its first write, or has its writes fail."""

    def __init__(self, disk) -> None:
        self.loop = asyncio.get_running_loop()
        self.arrived = asyncio.Event()
        self.go = threading.Event()
        self.error: OSError | None = None
        self._pwrite = disk.pwrite
        disk.pwrite = self.pwrite

    def pwrite(self, fd, buffers, offset) -> None:
        if threading.current_thread().name.startswith("sourdough-fold"):
            self.loop.call_soon_threadsafe(self.arrived.set)
            self.go.wait(10)
            if self.error is not None:
                raise self.error
        self._pwrite(fd, buffers, offset)


@pytest.fixture
async def held(server):
    """The thread that folds is let on when the test says so, at the latest at its end."""
    server.host()
    made = Held(server.disk)
    yield made
    made.go.set()


async def write_much(storage) -> None:
    """Have a `-wal` that is too long for the loop; what makes the object is not in it."""
    await storage.put("large0", b"")
    await storage.sync()
    for number in range(8):
        await storage.put(f"large{number}", LARGE)
    await storage.sync()


async def check(storage, **others) -> None:
    """All of it is there."""
    expected = {f"large{number}": LARGE for number in range(8)} | others
    assert await storage.list() == expected


async def test_an_object_goes_on_while_its_long_wal_is_folded(server, held):
    """What it commits meanwhile is folded behind; nothing of it is read too early."""
    storage = server.object(fold_bytes=SMALL)
    await write_much(storage)
    await asyncio.wait_for(held.arrived.wait(), 10)
    await storage.put("n", 1)
    await storage.sync()
    await check(storage, n=1)
    entry = storage._database._file._entry
    held.go.set()
    await soon(lambda: entry.folded == entry.last)
    assert storage._database._dozes
    await check(storage, n=1)
    server.kill()
    server.start()
    await check(server.object(), n=1)


async def test_the_last_commit_of_all_is_folded_too(server, held):
    """Nobody commits any more: the end of the copy is enough."""
    storage = server.object(fold_bytes=SMALL)
    await write_much(storage)
    held.go.set()
    await soon(lambda: storage._database._dozes)
    assert server.path().stat().st_size > 8 * len(LARGE)
    await check(storage)


async def test_a_cursor_left_open_is_not_pulled_away(server, held):
    """The connection is closed when nobody reads through it any more."""
    storage = server.object(fold_bytes=SMALL)
    storage.sql.exec("CREATE TABLE t(x)")
    storage.sql.exec(MANY)
    await storage.sync()
    cursor = iter(storage.sql.exec("SELECT x FROM t"))
    assert next(cursor).x == 0
    await write_much(storage)
    held.go.set()
    entry = storage._database._file._entry
    await soon(lambda: entry.folding is not None and not entry.folding.runs)
    await storage.put("n", 1)
    await storage.sync()
    assert [row.x for row in cursor] == list(range(1, 300))
    await storage.put("n", 2)
    await storage.sync()
    await soon(lambda: storage._database._dozes)
    await check(storage, n=2)


async def test_an_eviction_waits_for_the_thread_and_nobody_else_does(server, held):
    """Closing folds all of it, beside everything else."""
    storage, neighbour = server.object("a", fold_bytes=SMALL), server.object("b")
    await write_much(storage)
    await asyncio.wait_for(held.arrived.wait(), 10)
    closing = asyncio.ensure_future(storage._database.close())
    await neighbour.put("n", 1)
    await neighbour.sync()
    assert not closing.done()
    held.go.set()
    await closing
    await soon(lambda: not any(server.path("a").name in name for name in server.leftovers()))
    await check(server.object("a"))


async def test_a_reset_in_mid_fold_loses_nothing(server, held):
    """The frames are where they were; the next instance reads them, and folds them later."""
    storage = server.object(fold_bytes=SMALL)
    await write_much(storage)
    await asyncio.wait_for(held.arrived.wait(), 10)
    held.go.set()
    server.databases.pop().abandon()
    storage = server.object(fold_bytes=SMALL)
    await check(storage)
    await storage.put("n", 1)
    await storage.sync()
    await soon(lambda: storage._database._dozes)
    server.kill()
    server.start()
    await check(server.object(), n=1)


async def test_a_full_disk_in_mid_fold_loses_nothing(server, held):
    """It is tried again later; the host goes on."""
    storage = server.object(fold_bytes=SMALL)
    held.error = OSError(errno.ENOSPC, "No space left on device")
    held.go.set()
    await write_much(storage)
    await asyncio.wait_for(held.arrived.wait(), 10)
    entry = storage._database._file._entry
    await storage.put("n", 1)
    await storage.sync()
    await check(storage, n=1)
    assert (server.failed, entry.folded < entry.last) == ([], True)
    held.error = None
    await storage.put("n", 2)
    await storage.sync()
    await soon(lambda: storage._database._dozes)
    await check(storage, n=2)


async def test_a_long_wal_that_a_reset_left_is_folded_by_a_thread(server, held, monkeypatch):
    """Nobody opens the object again: its segment becomes void all the same (S6)."""
    monkeypatch.setattr("sourdough.storage.journal.folding._AT_ONCE", SMALL)
    storage = server.object()
    await write_much(storage)
    server.databases.pop().abandon()
    server.current.marker.begin(server.current.journal.use + 1)
    await asyncio.wait_for(held.arrived.wait(), 10)
    held.go.set()
    await soon(lambda: server.current.marker.begin(99) or server.leftovers() == [])
    await server.release()
    server.start()
    await check(server.object())


async def test_what_was_folded_beside_the_sync_of_a_round_is_not_marked_by_it(server, held):
    """A thread ends while a round syncs: its pages are on the medium after the next (S6)."""
    host = server.current
    storage = server.object(fold_bytes=SMALL)
    await write_much(storage)
    await asyncio.wait_for(held.arrived.wait(), 10)
    on_medium: list[bytes] = []
    sync_many, go = server.disk.sync_many, threading.Event()

    def slow(files, directories):
        sync_many(files, directories)
        on_medium.append(server.path().read_bytes())
        go.wait(10)

    server.disk.sync_many = slow
    host.marker.begin(host.journal.use + 1)
    await soon(lambda: on_medium)
    held.go.set()
    await soon(lambda: storage._database._dozes)
    await storage.put("n", 1)
    await storage.sync()
    go.set()
    await soon(lambda: not host.marker._busy)
    host.journal.flush()
    await asyncio.sleep(0)
    server.kill()
    server.path().write_bytes(on_medium[0])
    server.start()
    await check(server.object(), n=1)
