"""The name of the running object, in a file that outlives its host."""

from __future__ import annotations

import pytest

from sourdough.observe.breadcrumb import Breadcrumb, breadcrumb_of, prepare, read


def test_what_was_written_last_is_read(tmp_path):
    """The file names the object whose event began last."""
    path = tmp_path / "h1.crumb"
    prepare(path)
    assert read(path) is None
    crumb = Breadcrumb(path)
    crumb.write(breadcrumb_of("Counter:a-long-name"))
    crumb.write(breadcrumb_of("Room:ü"))
    assert read(path) == "Room:ü"
    crumb.clear()
    assert read(path) is None


@pytest.mark.parametrize("length", [509, 510, 511, 5000])
def test_a_long_name_is_cut(tmp_path, length):
    """No name is longer than the file."""
    path = tmp_path / "h1.crumb"
    prepare(path)
    Breadcrumb(path).write(breadcrumb_of("n" * length))
    assert read(path) == "n" * min(length, 510)


@pytest.mark.parametrize("data", [b"", b"\xff", b"\xff\xff" + bytes(510), b"\0\5\xff\xfe"])
def test_a_broken_file_is_read_without_a_fault(tmp_path, data):
    """The coordinator reads what a crashed process left, whatever it is."""
    path = tmp_path / "h1.crumb"
    path.write_bytes(data)
    assert read(path) is None or isinstance(read(path), str)


def test_no_file_is_nothing(tmp_path):
    """A host that never started ran nothing."""
    assert read(tmp_path / "none") is None


def test_a_breadcrumb_without_a_file_swallows_everything():
    """With everything in one process nobody would read it."""
    crumb = Breadcrumb(None)
    crumb.write(breadcrumb_of("a"))
    crumb.clear()
