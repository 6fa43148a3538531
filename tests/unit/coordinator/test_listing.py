"""Pages of a listing and the text that stands for a place in it."""

from __future__ import annotations

import pytest

from sourdough.coordinator.listing import ListedObject, cursor, page_of, parse_cursor
from sourdough.errors import SourdoughError

OBJECTS = [
    ListedObject(binding="C", class_name="Counter", storage_name="Counter", id=f"{n:064x}")
    for n in range(4)
]


def test_a_page_with_one_object_too_many_has_a_next():
    """The object beyond the limit says that there is more, and is not shown."""
    page = page_of(OBJECTS, limit=3, total=9)
    assert page.objects == tuple(OBJECTS[:3])
    assert parse_cursor(page.next) == OBJECTS[2].key
    assert page.total == 9


@pytest.mark.parametrize("limit", [4, 5, 0])
def test_the_last_page_has_no_next(limit):
    """A page that is not filled is the end; a page of nothing leads nowhere."""
    assert page_of(OBJECTS, limit=limit, total=4).next is None


@pytest.mark.parametrize("storage_name", ["Counter", "chat_room.2", "Ünïcode"])
def test_a_cursor_survives_its_round_trip(storage_name):
    """What a page prints is what the next one takes."""
    key = type(OBJECTS[0].key)(storage_name, "ab" * 32)
    assert parse_cursor(cursor(key)) == key


@pytest.mark.parametrize("text", ["", "Counter", "Counter/", "Counter/abc", "a/b/" + "0" * 64])
def test_anything_else_is_refused(text):
    """An id or a name is not a place in a listing."""
    with pytest.raises(SourdoughError, match="--after"):
        parse_cursor(text)


def test_nothing_is_the_beginning():
    """Without --after a listing starts at its first object."""
    assert parse_cursor(None) is None
