"""Commits through a journal: after kills, take-overs, releases and starts."""

from __future__ import annotations

import asyncio
import sqlite3

import pytest

from sourdough.errors import StorageError, StorageFormatError
from sourdough.storage.engine import Durability
from sourdough.storage.journal.recovery import leave_journals, prepare_storage
from tests.integration.storage.journal.conftest import soon


async def test_what_was_told_survives_a_kill(server):
    """A start redoes the journal into the file; the -wal is removed unread (invariant S5)."""
    storage = server.object()
    for number in range(50):
        await storage.put("n", number)
        await storage.sync()
    server.kill()
    assert server.leftovers() == [server.path().name + "-wal"]
    recovery = server.start()
    assert (recovery.repaired, recovery.damaged) == (1, {})
    assert (server.leftovers(), server.journal_files()) == ([], [])
    assert await server.object().get("n") == 49


async def test_recovery_twice_does_the_same(server):
    """Recovery is idempotent (invariant S9)."""
    storage = server.object()
    await storage.put("n", 1)
    await storage.sync()
    server.kill()
    first, second = server.start(), server.start()
    assert (first.repaired, second.repaired) == (1, 0)
    assert second.life.number == first.life.number + 1
    assert await server.object().get("n") == 1


async def test_the_next_occupant_repairs_at_the_first_opening(server):
    """A take-over does not wait for objects that nobody asks for; the old segments go (S6)."""
    for label in "abc":
        storage = server.object(label)
        await storage.put("n", label)
        await storage.sync()
    server.kill()
    host = server.host()
    for label in "abc":
        storage = server.object(label)
        assert await storage.get("n") == label
        await storage.put("n", label * 2)
    await soon(lambda: host.adoption.done)
    old = f"1-{server.hosts[0].journal.epoch:016x}"
    assert not [name for name in server.journal_files() if name.startswith(old)]
    await storage.sync()
    server.kill()
    server.host()
    assert await server.object("c").get("n") == "cc"


async def test_a_commit_that_did_not_reach_the_journal_is_gone(server):
    """What nobody was told of may be lost, and is lost as a whole."""
    storage = server.object()
    await storage.put("n", 1)
    await storage.sync()
    server.disk.dead = True
    await storage.put("n", 2)
    await storage.put("m", 2)
    server.kill()
    server.start()
    assert await server.object().list() == {"n": 1}


async def test_a_creation_that_did_not_reach_the_journal_is_no_object(server):
    """A new file has no name before its record is durable (invariant S7)."""
    server.host()
    server.disk.dead = True
    storage = server.object()
    await storage.put("n", 1)
    storage._database.flush()
    server.kill()
    assert not server.path().exists()
    server.start()
    assert server.leftovers() == []
    assert await server.object().get("n") is None


async def test_a_release_leaves_nothing_to_redo(server):
    """A host that gives its seat away folds, syncs, marks, and removes its journal."""
    for number in range(20):
        await server.object(str(number)).put("n", number)
    await server.release()
    assert (server.journal_files(), server.leftovers()) == ([], [])
    with sqlite3.connect(server.path("7")) as connection:
        assert connection.execute("SELECT count(*) FROM _sd_kv").fetchone() == (1,)
    connection.close()
    server.host()
    assert await server.object("7").get("n") == 7


async def test_an_object_is_closed_without_a_sync_and_opened_again(server):
    """Eviction folds; marking comes later (states in docs/journal.md)."""
    storage = server.object()
    for number in range(100):
        await storage.put("n", number)
        await storage.sync()
        before = server.disk.syncs
        await server.databases.pop().close()
        assert server.disk.syncs == before
        storage = server.object()
        assert await storage.get("n") == number
    server.kill()
    server.start()
    assert await server.object().get("n") == 99


async def test_an_abandoned_object_goes_on_from_its_wal(server):
    """A reset closes without folding; the next instance of the host sees every commit."""
    storage = server.object(fold_bytes=20_000)
    for number in range(200):
        await storage.put("n", number)
        if number % 7 == 0:
            await storage.sync()
        storage._database.flush()
        server.databases.pop().abandon()
        storage = server.object(fold_bytes=20_000)
        assert await storage.get("n") == number
    await storage.sync()
    server.kill()
    server.start()
    assert await server.object().get("n") == 199


async def test_a_deleted_object_stays_deleted_and_can_come_back(server):
    """The deletion is durable before the name goes; a successor is another object (S7)."""
    storage = server.object()
    await storage.put("old", 1)
    await storage.sync()
    server.databases.pop().abandon()
    assert server.hosts[-1].engine().remove(server.path()) > 0
    assert not server.path().exists()
    assert server.hosts[-1].engine().remove(server.path()) == 0
    storage = server.object()
    assert await storage.get("old") is None
    await storage.put("new", 2)
    await storage.sync()
    server.kill()
    server.start()
    assert await server.object().list() == {"new": 2}


async def test_a_deletion_survives_a_kill_before_its_names_are_synced(server):
    """Recovery deletes again what came back."""
    storage = server.object()
    await storage.put("old", 1)
    await storage.sync()
    content = server.path().read_bytes()
    server.databases.pop().abandon()
    server.hosts[-1].engine().remove(server.path())
    server.path().write_bytes(content)
    server.kill()
    server.start()
    assert not server.path().exists()


async def test_os_level_answers_wait_for_no_sync_and_survive_a_kill(server):
    """`durability = "os"`: written is enough; folds go on all the same."""
    storage = server.object(durability=Durability.OS, fold_bytes=50_000)
    for number in range(300):
        await storage.put("n", number)
        await storage.put("filler", bytes(4000))
        await storage.sync()
    wal = server.path().with_name(server.path().name + ".new-wal")
    wal = wal if wal.exists() else server.path().with_name(server.path().name + "-wal")
    assert wal.stat().st_size < 400_000
    server.kill()
    server.start()
    assert await server.object().get("n") == 299


async def test_a_folder_changes_from_wal_files_to_journals_and_back(server):
    """Nothing is lost either way; a -wal is trusted only where there are no journals."""
    storage = server.object()
    await storage.put("n", 1)
    await storage.sync()
    server.kill()
    assert leave_journals(server.folder, server.disk) == {}
    assert not (server.folder / "journal.d" / "life").exists()
    connection = sqlite3.connect(server.path(), isolation_level=None)
    connection.execute("PRAGMA wal_autocheckpoint=0")
    connection.execute("CREATE TABLE kept(x)")
    wal = server.path().with_name(server.path().name + "-wal")
    content = server.path().read_bytes(), wal.read_bytes()
    connection.close()
    server.path().write_bytes(content[0])
    wal.write_bytes(content[1])
    assert prepare_storage(server.folder, "journal") == {}
    assert server.leftovers() == []
    storage = server.object()
    assert await storage.get("n") == 1
    assert storage.sql.exec("SELECT count(*) AS n FROM kept").one().n == 0


async def test_a_newer_folder_is_refused_with_a_sentence(server):
    """Formats are versioned from the first file (invariant S14)."""
    server.start()
    (server.folder / "journal.d" / "life").write_text('{"format": 2, "life": 1, "void_before": 0}')
    with pytest.raises(StorageFormatError, match="format 2"):
        server.start()
    (server.folder / "journal.d" / "life").write_text("{")
    with pytest.raises(StorageError, match="damaged"):
        server.start()


async def test_a_journal_has_one_owner(server):
    """Seat and epoch belong to one process (invariant P1)."""
    host = server.host()
    server.hosts.clear()
    with pytest.raises(StorageError, match="owner"):
        server.host()
    host.close()


async def test_epochs_rise_over_lives(server):
    """An owner of a later life is above all of earlier lives, whatever its seat's number."""
    epochs = []
    for _ in range(3):
        life = server.start().life
        epochs += [life.epoch(1), life.epoch(2**32 - 1)]
    assert epochs == sorted(set(epochs))


async def test_many_objects_share_a_sync(server):
    """What commits during a sync is covered by the next one."""
    server.host(threads=True)
    objects = [server.object(str(number)) for number in range(30)]
    await asyncio.gather(*(each.put("n", 0) for each in objects))
    await asyncio.gather(*(each.sync() for each in objects))
    before = server.disk.syncs
    for each in objects:
        await each.put("n", 1)
    await asyncio.gather(*(each.sync() for each in objects))
    assert server.disk.syncs - before <= 3
