"""What happens when the disk cannot keep up (invariant S13)."""

from __future__ import annotations

import asyncio

import pytest

from sourdough.errors import DurableObjectError


async def settle(turns: int = 20) -> None:
    """Let what is ready run."""
    for _ in range(turns):
        await asyncio.sleep(0)


async def fill(self, key, size):
    """Write that many bytes."""
    await self.storage.put(key, bytes(size))
    return key


async def note(self, what):
    """Say in which order events ran."""
    self.notes.append(what)
    return list(self.notes)


async def note_and_write(self, what):
    """Note it; afterwards the object has a file, and no loop waits for its creation."""
    await self.storage.put("first", what)
    return await note(self, what)


@pytest.fixture
async def slow(run, world):
    """An object with a disk that does nothing at the moment, and 200,000 bytes on their way to it."""
    world.engine_options["unsynced_bytes"] = 100_000
    await run(note_and_write, "first")
    world.disk.go.clear()
    return run(fill, "a", 200_000)


async def test_new_events_wait_while_the_disk_cannot_keep_up(run, world, slow):
    """They run in order when it has caught up; other objects' events wait too (invariant S13)."""
    await settle()
    waiting = [run(note, number) for number in range(3)]
    other = world.call("everything", label="b")
    await settle()
    assert world.container().instance.notes == ["first"]
    assert not other.done()
    assert world.registry.events == 4
    world.disk.go.set()
    assert await slow == "a"
    assert await waiting[2] == ["first", 0, 1, 2]
    assert await other == {}
    assert world.registry.events == 0


async def test_little_that_is_not_synced_holds_nothing_up(run, world):
    """Below the limit events run while a sync is under way (invariant S13)."""
    world.engine_options["unsynced_bytes"] = 100_000
    await run(note_and_write, "first")
    world.disk.go.clear()
    writing = run(fill, "a", 10_000)
    await settle()
    run(note, "second")
    await settle()
    assert world.container().instance.notes == ["first", "second"]
    assert not writing.done()


async def test_objects_that_do_not_wait_for_the_disk_go_on(run, world, slow):
    """An event for an object of another durability is let in (invariant S13)."""
    await settle()
    world.registry._classes[b"Thing"] = world.bound("os")
    run(note, "second")
    await settle()
    assert world.container().instance.notes == ["first", "second"]
    assert not slow.done()


async def test_a_hand_over_tells_who_waits(run, world, slow):
    """An event that the disk held back until the seat was given away is refused (P2)."""
    await settle()
    waiting = run(note, "never")
    closing = asyncio.ensure_future(world.registry.release_all())
    with pytest.raises(DurableObjectError, match="moved to another host") as raised:
        await waiting
    assert raised.value.retryable
    world.disk.go.set()
    await closing
    assert await slow == "a"


async def test_a_writer_that_goes_on_waits_for_the_disk(run, world):
    """Far above the limit, writing blocks until the disk has it: nothing grows (invariant S13)."""
    world.engine_options["unsynced_bytes"] = 20_000
    world.engine_options["fold_bytes"] = 50_000

    async def pour(self):
        most = 0
        for number in range(300):
            await self.storage.put(
                f"k{number % 7}", bytes([number % 251]) * 3_000, allow_unconfirmed=True
            )
            await asyncio.sleep(0)
            most = max(most, world.engine._unsynced)
        return most

    def wrote(size):
        """Let the disk go on as soon as the writer waits for it."""
        waits = count(size)
        if waits:
            blocked.append(world.engine._unsynced)
            world.disk.go.set()
        return waits

    blocked = []
    await run(note_and_write, "first")
    count, world.engine.wrote = world.engine.wrote, wrote
    world.disk.go.clear()
    most = await run(pour)
    assert 80_000 < blocked[0] < 100_000
    assert most <= 100_000
    wal = next(world.folder.rglob("*-wal"))
    assert wal.stat().st_size < 1_000_000  # of 2.4 MB that were written
    assert len(await world.call("everything")) == 8
    await world.container().database.sync()
    assert world.engine._unsynced == 0


async def test_a_sync_that_fails_while_a_writer_waits_is_final(run, world):
    """The writer gets no confirmation, the host is told once (invariants S2, S13)."""
    world.engine_options["unsynced_bytes"] = 1_000
    await run(note, "first")
    world.disk.error = OSError(5, "Input/output error")
    with pytest.raises(DurableObjectError, match="Input/output"):
        await run(fill, "a", 50_000)
    await settle()
    assert len(world.failed) == 1
