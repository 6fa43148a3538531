"""The simulated disk is fair, and strict: SQLite passes as it is meant to be used, and only so."""

from __future__ import annotations

from random import Random

import pytest

from tests.power.disk import SimulatedDisk
from tests.power.exploration import explore
from tests.power.lives import Plan
from tests.power.power import Machine
from tests.power.stock import CarelessSubject, StockSubject


def test_stock_sqlite_loses_nothing(seeds):
    """synchronous=NORMAL and a synced WAL: no cut takes what was acknowledged."""
    found = explore(StockSubject, seeds(12), Plan())
    assert not found.failures, found


def test_sqlite_that_does_not_sync_loses(seeds):
    """synchronous=OFF: it must be seen, or the disk is too kind."""
    found = explore(CarelessSubject, seeds(6), Plan(lives=1))
    assert len(found.failures) > found.cuts // 20, found


@pytest.fixture
def disk(tmp_path):
    """An empty disk."""
    return SimulatedDisk(tmp_path / "disk") if (tmp_path / "disk").mkdir() is None else None


def write_file(disk, *, sync_file, sync_name):
    """Make a file through Python's own calls, with or without its syncs."""
    import os

    with Machine(disk, Random(0)):
        fd = os.open(disk.folder / "file", os.O_RDWR | os.O_CREAT)
        os.pwrite(fd, b"x" * 2000, 0)
        if sync_file:
            os.fdatasync(fd)
        os.close(fd)
        if sync_name:
            fd = os.open(disk.folder, os.O_RDONLY | os.O_DIRECTORY)
            os.fsync(fd)
            os.close(fd)
    assert disk.complete()


def outcomes(disk) -> set[bytes | None]:
    """Return what many cuts leave of the file."""
    images = [disk.cut(disk.position, Random(seed)) for seed in range(200)]
    return {
        image.files.get(image.directories[0]["file"], b"") if image.directories[0] else None
        for image in images
    }


def test_what_is_synced_stays(disk):
    """A file that was synced, and its name as well, is there whole."""
    write_file(disk, sync_file=True, sync_name=True)
    assert outcomes(disk) == {b"x" * 2000}


def test_a_synced_file_may_lose_its_name(disk):
    """A sync of a file says nothing about its name."""
    write_file(disk, sync_file=True, sync_name=False)
    assert outcomes(disk) == {b"x" * 2000, None}


def test_what_is_not_synced_may_be_torn(disk):
    """Nothing, all, some sectors, and other bytes where data did not arrive."""
    write_file(disk, sync_file=False, sync_name=True)
    found = outcomes(disk)
    assert {b"", b"x" * 2000} <= found
    assert any(content[:512] != b"x" * 512 and b"x" * 512 in content for content in found)
    assert any(set(content) - set(b"x\0") for content in found)
