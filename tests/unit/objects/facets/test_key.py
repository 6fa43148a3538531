"""What a facet is known by: keys that no two facets share."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from sourdough.objects.facets.key import facet_key, root_key, told_id

ROOT = b"Counter" + bytes(range(32))

names = st.lists(st.text(max_size=5), min_size=1, max_size=3)


def key_of(path: list[str]) -> bytes:
    key = ROOT
    for name in path:
        key = facet_key(key, name)
    return key


@given(names, names)
def test_facets_share_a_key_only_where_their_names_are_the_same(one, other):
    """Whatever is in the names, and however deep they are."""
    assert (key_of(one) == key_of(other)) == (one == other)


@given(names)
def test_a_facet_is_in_its_object(path):
    """The end of a key is the object's id, as of every key."""
    assert root_key(key_of(path)) == ROOT
    assert key_of(path)[-32:] == ROOT[-32:]


def test_errors_name_the_way_to_a_facet():
    """An object by its id, a facet by that and by the names."""
    digits = ROOT[-32:].hex()
    assert told_id(ROOT) == digits
    assert told_id(key_of(["a", "b c"])) == f"{digits}/a/b%20c"
