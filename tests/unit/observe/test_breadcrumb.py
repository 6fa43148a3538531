"""The name of the running object, in a file that outlives its host."""

from __future__ import annotations

import pytest

from sourdough.observe.breadcrumb import Breadcrumb, Crumb, breadcrumb_of, prepare, read

IDS = [bytes([number]) * 32 for number in range(3)]


def begin(trail: Breadcrumb, number: int, label: str = "Room:a") -> None:
    key = b"Room" + IDS[number]
    trail.begin(key, breadcrumb_of(key, label))


@pytest.fixture
def path(tmp_path):
    prepare(tmp_path / "h1.crumb")
    return tmp_path / "h1.crumb"


def test_what_began_last_is_read(path):
    """The file names the object whose handler began last, for people and for the coordinator."""
    assert read(path) is None
    trail = Breadcrumb(path)
    begin(trail, 0, "Room:a-long-name")
    begin(trail, 1, "Room:\u00fc")
    assert read(path) == Crumb(label="Room:\u00fc", storage_name="Room", id=IDS[1])
    trail.clear()
    assert read(path) is None


def test_who_has_ended_is_not_blamed(path):
    """Short handlers of a busy neighbour leave the one that still runs where it was."""
    trail = Breadcrumb(path)
    begin(trail, 0)
    for _ in range(3):
        begin(trail, 1)
        trail.end(b"Room" + IDS[1])
        assert read(path).id == IDS[0]
    trail.end(b"Room" + IDS[2])
    assert read(path).id == IDS[0]
    trail.end(b"Room" + IDS[0])
    assert read(path) is None


def test_who_begins_again_is_last_again(path):
    """Its new event is what runs now."""
    trail = Breadcrumb(path)
    for number in (0, 1, 0):
        begin(trail, number)
    assert read(path).id == IDS[0]
    trail.end(b"Room" + IDS[0])
    assert read(path).id == IDS[1]


@pytest.mark.parametrize("length", [472, 473, 474, 5000])
def test_a_long_name_is_cut(path, length):
    """No name is longer than the file."""
    begin(Breadcrumb(path), 0, "n" * length)
    assert read(path).label == "n" * min(length, 473)


@pytest.mark.parametrize(
    "data", [b"", b"\xff", b"\xff\xff" + bytes(510), b"\0\5\xff\xfe", b"\1\0\4"]
)
def test_a_broken_file_is_read_without_a_fault(tmp_path, data):
    """The coordinator reads what a crashed process left, whatever it is."""
    path = tmp_path / "h1.crumb"
    path.write_bytes(data)
    assert read(path) is None


def test_no_file_is_nothing(tmp_path):
    """A host that never started ran nothing."""
    assert read(tmp_path / "none") is None


def test_a_breadcrumb_without_a_file_swallows_everything():
    """With everything in one process nobody would read it."""
    trail = Breadcrumb(None)
    begin(trail, 0)
    trail.end(b"Room" + IDS[0])
    trail.clear()
