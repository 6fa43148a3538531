"""A big commit whose pages cannot be written: nobody is told of it, and nothing of it stays."""

from __future__ import annotations

import errno
import os

import pytest

from tests.integration.storage.journal.conftest import soon

SMALL = 64 * 1024
BIG = b"x" * SMALL


@pytest.fixture
def no_space(server, monkeypatch):
    """From now on a file of pages can be made, and not filled."""
    real = server.disk.pwrite
    pages: set[int] = set()
    open_file = server.disk.open

    def opened(path, *, create=False):
        fd = open_file(path, create=create)
        (pages.add if path.suffix == ".pages" else pages.discard)(fd)
        return fd

    def pwrite(fd, buffers, offset):
        if fd in pages and offset:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        real(fd, buffers, offset)

    monkeypatch.setattr(server.disk, "open", opened)
    monkeypatch.setattr(server.disk, "pwrite", pwrite)


async def big_commit_that_fails(server):
    """Return the storage of an object whose last commit could not be copied."""
    server.host(segment_bytes=SMALL)
    storage = server.object(fold_bytes=4096)
    await storage.put("n", 1)
    await storage.sync()
    await storage.put("big", BIG)
    with pytest.raises(OSError, match="space"):
        await storage.sync()
    await soon(lambda: server.failed)
    return storage


async def test_found_pages_are_on_the_medium_before_they_are_redone(server, monkeypatch):
    """What a killed host had only in the cache may go, and half of it not stay in the file (S6)."""
    server.host(segment_bytes=SMALL)
    storage = server.object()
    for key, value in (("n", 1), ("big", BIG)):
        await storage.put(key, value)
        await storage.sync()
    server.kill()
    done: list[str] = []
    names: dict[int, str] = {}
    disk, opened = server.disk, server.disk.open
    pwrite, sync = disk.pwrite, disk.sync

    def noting(what, real):
        def call(fd, *rest):
            done.append(f"{what} {names.get(fd)}")
            real(fd, *rest)

        return call

    def open_(path, *, create=False):
        fd = opened(path, create=create)
        names[fd] = path.suffix
        return fd

    monkeypatch.setattr(disk, "open", open_)
    monkeypatch.setattr(disk, "pwrite", noting("write", pwrite))
    monkeypatch.setattr(disk, "sync", noting("sync", sync))
    assert await server.object().get("big") == BIG
    first = done.index("write .sqlite")
    assert "sync .pages" in done[done.index("write .pages") : first]


@pytest.mark.usefixtures("no_space")
async def test_it_is_not_folded(server):
    """The file holds nothing that no recovery could repair (invariant S5)."""
    storage = await big_commit_that_fails(server)
    before = server.path().read_bytes()
    file = storage._database._file
    assert not file.fold()
    assert not file.doze()
    assert server.path().read_bytes() == before
    server.kill()
    server.start()
    storage = server.object()
    assert (await storage.get("n"), await storage.get("big")) == (1, None)


@pytest.mark.usefixtures("no_space")
async def test_who_asks_later_is_told_too(server):
    """Nobody waits for a copy that will never be (invariant S2)."""
    storage = await big_commit_that_fails(server)
    with pytest.raises(OSError, match="space"):
        await storage.sync()
