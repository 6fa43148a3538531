"""What goes on beside commits: marks, segments that are used again, big commits, gates, failures."""

from __future__ import annotations

import asyncio
import errno

import pytest

from sourdough.errors import StorageError, StorageFullError
from tests.integration.storage.journal.conftest import soon

SMALL = 64 * 1024


async def write(storage, count, size=1000):
    for number in range(count):
        await storage.put("filler", bytes([number % 256]) * size)
        await storage.sync()


async def test_no_answer_before_the_sync_returns(server):
    """A commit whose sync is under way is not durable; one begun meanwhile takes the next (S1)."""
    server.host(threads=True)
    storage = server.object()
    await storage.put("n", 0)
    await storage.sync()
    server.disk.go.clear()
    await storage.put("n", 1)
    first = asyncio.ensure_future(storage.sync())
    await asyncio.sleep(0.01)
    await storage.put("n", 2)
    second = asyncio.ensure_future(storage.sync())
    await asyncio.sleep(0.01)
    assert not first.done()
    assert not second.done()
    server.disk.go.set()
    await asyncio.gather(first, second)


async def test_a_failed_sync_is_final(server):
    """Whoever waits is told, once and for all; nothing is tried again (invariant S2)."""
    storage = server.object()
    await storage.put("n", 1)
    await storage.sync()
    server.disk.error = OSError(5, "Input/output error")
    await storage.put("n", 2)
    with pytest.raises(OSError, match="Input/output"):
        await storage.sync()
    server.disk.error = None
    syncs = server.disk.syncs
    with pytest.raises(OSError, match="Input/output"):
        await storage.sync()
    assert (len(server.failed), server.disk.syncs) == (1, syncs)
    server.kill()
    server.start()
    assert await server.object().get("n") in {1, 2}


async def test_segments_are_used_again(server):
    """However much is written, the journal stays small: marks void its oldest segments (S6)."""
    host = server.host(segment_bytes=SMALL)
    objects = [server.object(str(number)) for number in range(5)]
    for _ in range(20):
        for each in objects:
            await write(each, 5)
    assert host.journal.use > 15
    await soon(lambda: host.journal.segments.files <= 5)
    server.kill()
    assert server.start().damaged == {}


async def test_an_idle_object_does_not_pin_the_journal(server):
    """An object that was written once is marked when its segment grows old."""
    host = server.host(segment_bytes=SMALL)
    idle = server.object("idle")
    await idle.put("n", 1)
    await idle.sync()
    await write(server.object("busy"), 300)
    await soon(lambda: host.journal.segments.oldest > 3)
    server.kill()
    server.start()
    assert await server.object("idle").get("n") == 1


async def test_a_cursor_left_open_does_not_pin_the_journal(server):
    """What cannot be folded is recorded anew; older segments become void (invariant S12)."""
    host = server.host(segment_bytes=SMALL)
    storage = server.object("reader")
    await storage.put("a", 1)
    storage.sql.exec("CREATE TABLE t(x)")
    for number in range(300):  # more than a cursor reads ahead
        storage.sql.exec("INSERT INTO t VALUES(?)", number)
    await storage.sync()
    cursor = iter(storage.sql.exec("SELECT x FROM t"))
    next(cursor)
    await write(server.object("busy"), 300)
    await soon(lambda: host.journal.segments.oldest > 3)
    await storage.put("a", 2)
    await storage.sync()
    assert next(cursor).x == 1
    server.kill()
    assert server.start().damaged == {}
    assert await server.object("reader").get("a") == 2


async def test_a_file_that_cannot_be_folded_stops_nobody_for_good(server):
    """Somebody has moved it away, or the disk is full: what marks the others goes on (S6)."""
    host = server.host(segment_bytes=SMALL)
    storage = server.object("away")
    await storage.put("a", 1)
    await storage.sync()
    storage._database.abandon()
    path, elsewhere = server.path("away"), server.folder / "elsewhere"
    path.rename(elsewhere)
    await write(server.object("busy"), 300)
    assert host.journal.segments.oldest == 1
    elsewhere.rename(path)
    await soon(lambda: host.journal.segments.oldest > 3)
    assert await server.object("away").get("a") == 1


async def test_a_wal_that_cannot_be_recorded_anew_loses_nothing(server, monkeypatch):
    """It is neither in the file nor in another record: what was recorded of it stays (S5, S6)."""
    storage = server.object()
    for number in range(2):
        await storage.put("n", number)
        await storage.sync()

    def fails(fd: int, size: int, offset: int) -> bytes:
        raise OSError(errno.EIO, "Input/output error")

    with monkeypatch.context() as patched:
        patched.setattr(server.disk, "pread", fails)
        storage._database._file.carry_over()
    await server.release()
    server.start()
    assert await server.object().get("n") == 1


async def test_neighbours_do_not_wait_for_a_giant(server):
    """The pages of a big commit are copied by a thread, which others do not wait for (S12)."""
    server.host(threads=True)
    giant, small = server.object("giant"), server.object("small")
    await giant.put("n", 0)
    await small.put("n", 0)
    await asyncio.gather(giant.sync(), small.sync())
    copying = asyncio.Event()
    loop = asyncio.get_running_loop()
    open_file, go = server.disk.open, server.disk.go

    def slow(path, *, create=False):
        if path.suffix == ".pages":
            loop.call_soon_threadsafe(copying.set)
            go.wait(10)
        return open_file(path, create=create)

    server.disk.open = slow
    server.disk.sync = super(type(server.disk), server.disk).sync  # only the copy is held back
    go.clear()
    await fill(giant)
    waiting = asyncio.ensure_future(giant.sync())
    await copying.wait()
    await small.put("n", 1)
    await small.sync()
    assert not waiting.done()
    go.set()
    await waiting


async def fill(storage):
    async with asyncio.timeout(20):
        for number in range(6):
            await storage.put(f"big{number}", bytes([number]) * 1024 * 1024)


async def test_a_giant_survives_and_goes_when_it_is_marked(server):
    """Recovery takes the pages from their own file; a mark removes it."""
    storage = server.object("giant")
    await storage.put("n", 0)
    await storage.sync()
    await fill(storage)
    await storage.sync()
    await storage.put("n", 1)
    await storage.sync()
    assert any(name.endswith(".pages") for name in server.journal_files())
    server.kill()
    server.start()
    assert server.journal_files() == []
    storage = server.object("giant")
    assert await storage.get("n") == 1
    assert await storage.get("big5") == b"\x05" * 1024 * 1024
    await fill(storage)
    await server.release()
    assert server.journal_files() == []


async def test_a_giant_that_was_cut_short_never_was(server):
    """Nobody was told of it, nor of what was built on it."""
    storage = server.object("giant")
    await storage.put("n", 0)
    await storage.sync()
    await fill(storage)
    await storage.sync()
    await storage.put("n", 1)
    await storage.sync()
    server.kill()
    [pages] = (server.folder / "journal.d").glob("*.pages")
    with pages.open("r+b") as file:
        file.truncate(pages.stat().st_size - 8)
    assert server.start().damaged == {}
    assert await server.object("giant").list() == {"n": 0}


async def test_a_hole_in_a_segment_is_named_and_its_object_refused(server):
    """Everything else starts; the object comes back when it is deleted (docs/journal.md)."""
    for label in "ab":
        storage = server.object(label)
        for number in range(3):
            await storage.put("n", number)
            await storage.sync()
    server.kill()
    [segment] = (server.folder / "journal.d").glob("*-1.segment")
    data = bytearray(segment.read_bytes())
    second = data.index(b"SDJR", data.index(b"SDJR") + 4)
    data[second + 400] ^= 1
    segment.write_bytes(data)
    recovery = server.start()
    assert sorted(place.rpartition("/")[2] for place in recovery.damaged) == sorted(
        [segment.name, server.path("a").name]
    )
    assert server.journal_files() == [segment.name + ".damaged", "damaged"]
    with pytest.raises(StorageError, match="damaged"):
        await server.object("a").get("n")
    assert await server.object("b").get("n") == 2
    server.current.engine().remove(server.path("a"))
    assert await server.object("a").get("n") is None


async def test_a_commit_that_cannot_be_recorded_resets_its_object(server):
    """SQLite has it, the journal has not: the object goes back to what the journal has."""
    storage = server.object()
    await storage.put("n", 1)
    await storage.sync()
    pread, calls = server.disk.pread, []

    def broken(fd, size, offset):
        calls.append(offset)
        raise OSError(5, "Input/output error")

    server.disk.pread = broken
    await storage.put("n", 2)
    with pytest.raises(StorageError, match="could not be written to the journal"):
        storage._database.flush()
    server.disk.pread = pread
    assert calls
    assert len(server.broken) == 1
    server.databases.pop().abandon()
    storage = server.object()
    assert await storage.get("n") == 1
    await storage.put("n", 3)
    await storage.sync()
    server.kill()
    server.start()
    assert await server.object().get("n") == 3


async def test_a_full_disk_makes_no_object_and_keeps_the_rest(server):
    """Its creation fails with a word of its own; the host goes on, and so does the object later."""
    storage = server.object("a")
    await storage.put("n", 1)
    await storage.sync()
    pwrite = server.disk.pwrite

    def full(fd, buffers, offset):
        raise OSError(errno.ENOSPC, "No space left on device")

    server.disk.pwrite = full
    created = server.object("b")
    await created.put("n", 2)
    with pytest.raises(StorageFullError, match="cannot be created: No space left on device"):
        created._database.flush()
    server.disk.pwrite = pwrite
    server.databases.pop().abandon()
    assert server.failed == []
    assert await storage.get("n") == 1
    created = server.object("b")
    await created.put("n", 3)
    await created.sync()
    server.kill()
    server.start()
    assert await server.object("b").get("n") == 3


async def test_a_slow_disk_is_told_and_far_above_it_the_writer_waits(server):
    """What is appended and not synced is bounded (invariant S13)."""
    host = server.host(threads=True, unsynced_bytes=20_000)
    storage = server.object()
    await storage.put("n", 0)
    await storage.sync()
    for number in range(100):
        await storage.put("n", bytes([number]) * 3000)
        storage._database.flush()
        assert host.journal._unsynced <= 4 * 20_000 + 10_000
    assert server.congested[:1] == [True]
    await storage.sync()
    await soon(lambda: server.congested[-1:] == [False])


async def test_a_spilled_and_rolled_back_transaction_leaves_no_record(server):
    """The next commit takes the place of its frames in the -wal; only that is recorded."""
    storage = server.object()
    storage.sql.exec("CREATE TABLE t(x)")
    await storage.sync()
    for number in range(3):
        with pytest.raises(ZeroDivisionError):
            storage.transaction_sync(lambda: spill(storage))
        storage.sql.exec("INSERT INTO t VALUES(?)", number)
        await storage.sync()
    server.kill()
    server.start()
    rows = list(server.object().sql.exec("SELECT x FROM t"))
    assert [row.x for row in rows] == [0, 1, 2]


def spill(storage):
    for _ in range(60):
        storage.sql.exec("INSERT INTO t VALUES(zeroblob(20000))")
    raise ZeroDivisionError
