"""A disk that is full when the journal needs another segment: writes are refused, the host lives."""

from __future__ import annotations

import asyncio
import threading

import pytest

from sourdough.errors import StorageFullError
from tests.integration.storage.journal.conftest import soon

SMALL = 64 * 1024
VALUE = bytes(1000)


def fill(disk) -> None:
    disk.room = lambda _path: 0


def empty(disk) -> None:
    disk.room = lambda _path: 1 << 40


async def write_until_refused(server, storage) -> int:
    """Return how many commits were told durable; the object is reset then."""
    for number in range(500):
        await storage.put("filler", VALUE)
        await storage.put("n", number)
        try:
            await storage.sync()
        except StorageFullError:
            assert "No space left on device" in str(server.broken[-1])
            server.databases.remove(storage._database)
            storage._database.abandon()
            return number
    raise AssertionError("the disk has no end")


async def test_commits_are_refused_and_the_host_lives(server):
    """The object is reset to its last commit, others are read on; with room all goes on (S2)."""
    empty(server.disk)
    server.host(segment_bytes=SMALL)
    fill(server.disk)
    neighbour = server.object("b")
    await neighbour.put("n", "b")
    await neighbour.sync()
    told = await write_until_refused(server, server.object("a"))
    assert (server.failed, told > 10) == ([], True)
    assert await neighbour.get("n") == "b"
    storage = server.object("a")
    assert await storage.get("n") == told - 1
    assert await write_until_refused(server, storage) == 0
    storage = server.object("a")
    assert await storage.get("n") == told - 1
    empty(server.disk)
    await write(storage, 100)
    await write(neighbour, 100)
    server.kill()
    assert server.start().damaged == {}
    assert await server.object("a").get("n") == 99
    assert await server.object("b").get("n") == 99


async def write(storage, count) -> None:
    for number in range(count):
        await storage.put("filler", VALUE)
        await storage.put("n", number)
        await storage.sync()


async def test_the_second_refusal_comes_before_the_commit(server):
    """Nothing is committed that has to be redone: the journal is not read for it."""
    empty(server.disk)
    host = server.host(segment_bytes=SMALL)
    fill(server.disk)
    storage, other = server.object("a"), server.object("b")
    await other.put("n", 1)
    await other.sync()
    await write_until_refused(server, storage)
    assert await write_until_refused(server, other) == 0
    entry = host.ledger.get(server.path("b"))
    assert not entry.lost
    assert await server.object("b").get("n") == 1


async def test_a_new_object_is_refused_as_a_whole(server):
    """No file is left of it; it is made when there is room."""
    empty(server.disk)
    server.host(segment_bytes=SMALL)
    fill(server.disk)
    await write_until_refused(server, server.object("a"))
    label = await make_until_refused(server)
    assert not list(server.path(label).parent.glob(server.path(label).name + "*"))
    empty(server.disk)
    created = server.object(label)
    await created.put("n", 1)
    await created.sync()
    assert server.failed == []


async def make_until_refused(server) -> str:
    """Return the label of the object that could not be made."""
    for number in range(500):
        created = server.object(f"new {number}")
        await created.put("n", 1)
        try:
            await created.sync()
        except StorageFullError:
            server.databases.pop().abandon()
            return f"new {number}"
    raise AssertionError("the disk has no end")


async def test_a_deletion_finds_room_in_what_is_kept_for_it(server):
    """To delete is what one does on a full disk."""
    empty(server.disk)
    host = server.host(segment_bytes=SMALL)
    fill(server.disk)
    await write_until_refused(server, server.object("a"))
    assert host.engine().remove(server.path("a")) > 0
    server.kill()
    server.start()
    assert not server.path("a").exists()


async def test_marks_make_room_in_a_journal_that_cannot_grow(server):
    """Segments that are void are used again, so commits go on although the disk is full (S6)."""
    empty(server.disk)
    host = server.host(segment_bytes=SMALL)
    storage = server.object("a")
    await write(storage, 200)
    fill(server.disk)
    begun = host.journal.use
    async with asyncio.timeout(20):
        while host.journal.use < begun + 6:
            try:
                await write(storage, 20)
            except StorageFullError:
                server.databases.remove(storage._database)
                storage._database.abandon()
                await soon(lambda: not host.marker._busy)
                storage = server.object("a")
    assert server.failed == []
    server.kill()
    empty(server.disk)
    assert server.start().damaged == {}
    assert await server.object("a").get("filler") == VALUE


async def test_an_alarm_that_cannot_be_noted_is_refused(server):
    """The turn that set it is undone; the object has the alarm it had (S11)."""

    class Index:
        def sooner(self, due, name, kept) -> bool:
            for _ in range(10_000):  # until not even what is kept has room
                server.current.intents.note(
                    server.path("a").name.encode()[:32] + b"C", due, sync=True
                )
            return True

        def moved(self, due, name) -> None:
            """Nobody wants to know."""

    empty(server.disk)
    server.host(segment_bytes=SMALL)
    fill(server.disk)
    storage = server.object("a")
    await storage.put("n", 1)
    await storage.sync()
    server.databases.pop().abandon()
    storage = server.object("a", alarms=Index())
    await storage.set_alarm(1_700_000_100_000)
    with pytest.raises(StorageFullError, match="an alarm could not be noted"):
        await storage.sync()
    server.databases.pop().abandon()
    storage = server.object("a")
    assert (await storage.get_alarm(), await storage.get("n")) == (None, 1)
    assert server.failed == []


async def test_a_refusal_before_the_object_has_its_name_ends_no_host(server):
    """The file is still a draft: going back to what the journal has makes one file, not two (S7)."""
    empty(server.disk)
    server.host(threads=True)
    storage = server.object()
    await storage.put("n", 1)
    storage._database.flush()
    assert storage._database._file._entry.draft
    fill(server.disk)
    for number in range(3):
        await storage.put(f"large{number}", bytes(1_900_000))
    with pytest.raises(StorageFullError):
        storage._database.flush()
    server.databases.remove(storage._database)
    storage._database.abandon()
    storage = server.object()
    assert await storage.list() == {"n": 1}
    await asyncio.sleep(0)
    empty(server.disk)
    await storage.put("n", 2)
    await storage.sync()
    assert server.failed == []
    server.kill()
    server.start()
    assert await server.object().list() == {"n": 2}


async def test_a_refusal_takes_no_pages_away_that_are_being_copied(server):
    """The `-wal` is needed until the big commit before it is in a file of its own (S12)."""
    empty(server.disk)
    server.host()
    storage = server.object()
    await storage.put("n", 1)
    await storage.sync()
    open_file, go = server.disk.open, threading.Event()

    def slow(path, *, create=False):
        if threading.current_thread().name.startswith("sourdough-background"):
            go.wait(10)
        return open_file(path, create=create)

    server.disk.open = slow
    for number in range(3):
        await storage.put(f"large{number}", bytes(1_900_000))
    storage._database.flush()
    fill(server.disk)
    for number in range(3):
        await storage.put(f"large{number}", bytes(1_900_001))
    with pytest.raises(StorageFullError):
        storage._database.flush()
    server.databases.remove(storage._database)
    storage._database.abandon()
    go.set()
    storage = server.object()
    assert len(await storage.get("large2")) == 1_900_000
    empty(server.disk)
    await storage.put("n", 2)
    await storage.sync()
    assert server.failed == []
