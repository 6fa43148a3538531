"""A name that cannot be removed or changed, once the journal says that it is to be."""

from __future__ import annotations

import errno
import os

import pytest

from sourdough.errors import StorageError


def refuse(server, monkeypatch, call: str, suffix: str) -> None:
    """Have a call of the disk fail for files whose names end so."""
    real = getattr(server.disk, call)

    def refusing(path, *rest):
        if path.name.endswith(suffix):
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        real(path, *rest)

    monkeypatch.setattr(server.disk, call, refusing)


async def test_a_deletion_that_is_in_the_journal_is_not_taken_back(server, monkeypatch):
    """Nobody finds an object that a recovery will take away: the host ends (invariants S2, S7)."""
    await server.object().put("n", 1)
    for database in server.databases:
        await database.close()
    with monkeypatch.context() as patched:
        refuse(server, patched, "unlink", ".sqlite")
        with pytest.raises(StorageError, match="cannot be deleted"):
            server.current.engine().remove(server.path())
    assert len(server.failed) == 1
    server.databases.clear()
    server.kill()
    server.start()
    assert not server.path().exists()
    assert await server.object().get("n") is None


async def test_a_wal_that_cannot_be_named_is_named_at_the_next_opening(server, monkeypatch):
    """What is in the `-wal` of a draft is not lost with its instance."""
    storage = server.object()
    for number in range(2):
        await storage.put("n", number)
        await storage.sync()
    with monkeypatch.context() as patched:
        refuse(server, patched, "rename", ".new-wal")
        server.databases.pop().abandon()
        assert [name[-8:] for name in server.leftovers()] == [".new-wal"]
    assert server.failed == []
    assert await server.object().get("n") == 1
