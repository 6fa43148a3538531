"""Where the databases of facets are, and which record is of which."""

from __future__ import annotations

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from sourdough.storage.facet_files import below, facet_path
from sourdough.storage.journal.places import key_of, path_of
from sourdough.storage.layout import object_path

RAW = bytes(range(32))
ROOT = Path("/storage")
OBJECT = object_path(ROOT, "Counter", RAW)

numbers = st.lists(st.integers(1, 1 << 40), max_size=3)


def place(path: list[int]) -> Path:
    found = OBJECT
    for number in path:
        found = facet_path(found, number)
    return found


@given(numbers)
def test_a_record_names_the_database_it_is_of(path):
    """There and back; the id is that of the object (invariant S14: this is format)."""
    key = key_of(place(path))
    assert path_of(ROOT, key.packed()) == place(path)
    assert key.id == RAW


def test_the_names_are_these():
    """They are format (invariant S14)."""
    assert place([2, 1]).name == f"{RAW.hex()}.2.1.sqlite"
    assert place([2, 1]).parent == OBJECT.parent
    assert key_of(place([2, 1])).namespace == "Counter.2.1"


def test_facets_below_a_database_come_before_what_they_belong_to():
    """Those of others, and files that are no databases, do not come."""
    other = object_path(ROOT, "Counter", RAW[::-1]).name
    paths = [place(each) for each in ([1], [1, 2], [1, 2, 3], [11], [2])]
    names = [*(each.name for each in paths), OBJECT.name, other, f"{place([1, 7]).name}-wal"]
    assert below(place([1]), names) == [place([1, 2, 3]), place([1, 2])]
    assert [each.name for each in below(OBJECT, names)] == [
        place(each).name for each in ([1, 2, 3], [1, 2], [1], [11], [2])
    ]


def test_a_facet_that_has_no_name_of_its_own_yet_is_there():
    """Its file has a draft's name until its record is durable."""
    assert below(OBJECT, [f"{place([1]).name}.new"]) == [place([1])]
