"""A segment that is not there any more: told from one that was void and has gone."""

from __future__ import annotations

import os

import pytest

from sourdough.errors import StorageError
from sourdough.storage.journal.recovery import recover
from tests.integration.storage.journal.conftest import soon

SMALL = 64 * 1024


async def write(storage, count) -> None:
    for number in range(count):
        await storage.put("filler", bytes([number % 256]) * 1000)
        await storage.put("n", number)
        await storage.sync()


async def fill_two_segments(server) -> None:
    """Leave records of "a" in both, of "b" in the second alone."""
    server.host(segment_bytes=SMALL, keep_segments=9)
    storage = server.object("a")
    while server.current.journal.use == 1:
        await write(storage, 5)
    await write(storage, 3)
    await write(server.object("b"), 3)
    server.kill()


def first_segment(server):
    [segment] = (server.folder / "journal.d").glob("*-1.segment")
    return segment


async def check_that_it_is_named(server, damaged) -> None:
    """What is known of "a" is not what it was told; "b" has lost nothing."""
    assert server.path("a").name in {place.rpartition("/")[2] for place in damaged}
    assert any(".segment" in place for place in damaged)
    with pytest.raises(StorageError, match="missing, or cannot be read"):
        await server.object("a").get("n")
    assert await server.object("b").get("n") == 2


async def test_a_first_segment_that_is_gone_is_named(server):
    """Its objects are refused, not opened without what they were told was durable (S1)."""
    await fill_two_segments(server)
    first_segment(server).unlink()
    await check_that_it_is_named(server, server.start().damaged)


async def test_a_first_segment_of_zeros_is_named(server):
    """That is what a disk gives that has lost it."""
    await fill_two_segments(server)
    segment = first_segment(server)
    segment.write_bytes(bytes(segment.stat().st_size))
    await check_that_it_is_named(server, server.start().damaged)


async def test_a_first_segment_that_cannot_be_read_is_named(server, monkeypatch):
    """A medium's error in it keeps nothing else from starting."""
    await fill_two_segments(server)
    segment = first_segment(server)
    pread, lost = server.disk.pread, segment.stat().st_ino

    def broken(fd, size, offset):
        if os.fstat(fd).st_ino == lost:
            raise OSError(5, "Input/output error")
        return pread(fd, size, offset)

    with monkeypatch.context() as patched:
        patched.setattr(server.disk, "pread", broken)
        damaged = server.start().damaged
    assert damaged[str(segment)] == "it cannot be read: Input/output error"
    await check_that_it_is_named(server, damaged)


async def test_a_next_occupant_names_it_too(server):
    """A take-over reads the same journals, while the server runs on."""
    await fill_two_segments(server)
    first_segment(server).unlink()
    host = server.host()
    with pytest.raises(StorageError, match="missing, or cannot be read"):
        await server.object("a").get("n")
    assert await server.object("b").get("n") == 2
    await soon(lambda: host.adoption.done)
    assert any(name.endswith(".damaged") for name in server.journal_files())


async def test_segments_that_were_void_are_not_missed(server):
    """The first goes when a later header says that nothing in it is live (S6)."""
    host = server.host(segment_bytes=SMALL)
    await write(server.object("a"), 400)
    segment = first_segment(server)
    await soon(lambda: host.marker.begin(host.journal.use) or host.journal.segments.oldest > 3)
    await write(server.object("b"), 200)
    assert not segment.exists() or host.journal.segments.oldest > 1
    server.kill()
    assert server.start().damaged == {}
    assert await server.object("a").get("n") == 399


@pytest.mark.parametrize("gone", range(5))
async def test_an_adopted_journal_that_was_half_removed_is_not_missed(server, gone, monkeypatch):
    """Its newest segment says that all are void, whichever of them are left after a crash."""
    await fill_two_segments(server)
    removed = []
    unlink = server.disk.unlink

    def dies(path):
        if path.suffix == ".segment":
            removed.append(path)
            if len(removed) > gone:
                return
        unlink(path)

    with monkeypatch.context() as patched:
        patched.setattr(server.disk, "unlink", dies)
        host = server.host()
        await soon(lambda: host.adoption.done)
        server.kill()
    assert recover(server.folder, server.disk).damaged == {}
    assert len(await server.object("a").list()) == 2
    assert await server.object("b").get("n") == 2
