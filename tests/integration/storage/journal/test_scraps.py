"""Files that closed databases leave: used again, or removed in a thread."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from sourdough.storage.journal.disk import RealDisk
from sourdough.storage.journal.scraps import Scraps


class GatedDisk(RealDisk):
    """The real disk, whose removals wait for a test."""

    def __init__(self) -> None:
        self.begun = threading.Event()
        self.go = threading.Event()
        self.go.set()

    def unlink(self, path) -> None:
        self.begun.set()
        assert self.go.wait(10)
        super().unlink(path)


@pytest.fixture
def disk():
    """Let go at the end, so that no thread hangs."""
    made = GatedDisk()
    yield made
    made.go.set()


@pytest.fixture
def background():
    """One thread, ended at the end."""
    with ThreadPoolExecutor(1) as executor:
        yield executor


def made(folder, count):
    paths = [folder / f"{number}.sqlite-wal" for number in range(count)]
    for path in paths:
        path.touch()
    return paths


def test_the_oldest_beyond_what_may_be_kept_are_removed(tmp_path, disk, background):
    """Many at a time: the file system is asked less often, and not by the loop."""
    scraps = Scraps(disk, background, kept=10)
    paths = made(tmp_path, 74)
    for path in paths:
        scraps.leave(path)
    background.shutdown()
    assert [path for path in paths if path.exists()] == paths[64:]


def test_one_that_is_taken_is_removed_by_nobody(tmp_path, disk, background):
    """A database goes on in it."""
    scraps = Scraps(disk, background)
    first, second = made(tmp_path, 2)
    scraps.leave(first)
    scraps.leave(second)
    assert scraps.take(first)
    assert not scraps.take(first)
    scraps.clear()
    background.shutdown()
    assert (first.exists(), second.exists()) == (True, False)


def test_one_that_is_not_to_be_used_again_goes_first(tmp_path, disk, background):
    """It is longer than what may stay."""
    scraps = Scraps(disk, background)
    first, second = made(tmp_path, 2)
    scraps.leave(first)
    scraps.leave(second, keep=False)
    background.shutdown()
    assert (first.exists(), second.exists()) == (True, False)


def test_who_opens_a_database_waits_for_a_removal_under_way(tmp_path, disk, background):
    """Else SQLite could begin to write into a file whose name is about to go."""
    scraps = Scraps(disk, background)
    (path,) = made(tmp_path, 1)
    disk.go.clear()
    scraps.leave(path, keep=False)
    assert disk.begun.wait(10)
    taken = []
    taker = threading.Thread(target=lambda: taken.append(scraps.take(path)))
    taker.start()
    assert taken == []
    disk.go.set()
    taker.join(10)
    assert (taken, path.exists()) == ([False], False)


def test_what_is_left_after_the_threads_have_ended_stays(tmp_path, disk, background):
    """The next recovery removes it."""
    scraps = Scraps(disk, background)
    background.shutdown()
    (path,) = made(tmp_path, 1)
    scraps.leave(path, keep=False)
    assert path.exists()
