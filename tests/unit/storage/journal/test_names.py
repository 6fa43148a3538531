"""Names of the journal's files, and places of objects."""

from __future__ import annotations

from pathlib import Path

import pytest

from sourdough.errors import StorageError
from sourdough.storage.journal.pages import PagesName
from sourdough.storage.journal.places import key_of, path_of
from sourdough.storage.journal.records import ObjectKey
from sourdough.storage.journal.segments import SegmentName


def test_names_say_what_files_are():
    """What is made of a name gives the name again; other files are neither."""
    segment, pages = SegmentName(3, 7 << 32 | 1, 12), PagesName(3, 7 << 32 | 1, 500)
    assert SegmentName.parse(str(segment)) == segment
    assert PagesName.parse(str(pages)) == pages
    for other in ("life", "damaged", f"{segment}.damaged", f"{pages}.new", "x-1-2.segment"):
        assert SegmentName.parse(other) is None
        assert PagesName.parse(other) is None


def test_an_object_has_one_place():
    """The layout is format (invariant S14)."""
    key = ObjectKey("Counter", bytes(range(32)))
    path = path_of(Path("/s"), key.packed())
    assert path == Path("/s/Counter/000") / f"{key.id.hex()}.sqlite"
    assert key_of(path) == key
    with pytest.raises(StorageError, match="not the place"):
        key_of(Path("/s/Counter/000/x.sqlite"))
