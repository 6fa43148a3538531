"""Keys and their ranges mean what semantics 5.1 says, whatever characters they hold."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sourdough.storage.keys import check_key, key_range

_KEYS = st.text(
    alphabet=st.one_of(
        st.sampled_from("ab\0%_\x7f\ud7ff\ue000\uffff\U00010000\U0010ffff"),
        st.characters(exclude_categories=["Cs"]),
    ),
    max_size=4,
)
_OPTIONS = st.fixed_dictionaries(
    {},
    optional={"end": _KEYS, "prefix": _KEYS, "reverse": st.booleans(), "limit": st.integers(1, 5)},
)


@given(st.sets(_KEYS, max_size=12), _OPTIONS, st.sampled_from(["start", "start_after"]), _KEYS)
@settings(max_examples=200, deadline=None)
def test_a_range_holds_what_its_options_say(keys, options, bound, first):
    """Every key is in the range exactly if it satisfies each option, compared as UTF-8 bytes."""
    wanted = key_range(**options, **{bound: first})
    inside = {
        key
        for key in keys
        if not wanted.empty and wanted.first <= key and (wanted.stop is None or key < wanted.stop)
    }
    assert inside == {key for key in keys if matches(key, options, bound, first)}


def matches(key: str, options: dict, bound: str, first: str) -> bool:
    """Say by the definition, on bytes, whether a key belongs to a range."""
    data = key.encode()
    if data < first.encode() or (bound == "start_after" and key == first):
        return False
    if "end" in options and data >= options["end"].encode():
        return False
    return data.startswith(options.get("prefix", "").encode())


def test_start_and_start_after_exclude_each_other():
    """Both at once is a TypeError with the text of 5.1."""
    with pytest.raises(TypeError, match="cannot be called with both start and start_after"):
        key_range(start="a", start_after="b")


@pytest.mark.parametrize("limit", [0, -1])
def test_a_limit_is_positive(limit):
    """Zero does not mean unlimited."""
    with pytest.raises(TypeError, match="List limit must be positive"):
        key_range(limit=limit)


@pytest.mark.parametrize("options", [{"limit": "1"}, {"limit": True}, {"start": 1}, {"end": b"a"}])
def test_options_of_other_types_are_named(options):
    """The message names the option and the type that was given."""
    with pytest.raises(TypeError, match=next(iter(options))):
        key_range(**options)


@pytest.mark.parametrize("key", ["", "a\0b", "x" * 2048, "\u20ac" * 682, "\U0010ffff" * 512])
def test_keys_up_to_2048_bytes_are_good(key):
    """Any text, NUL included, of at most 2048 UTF-8 bytes."""
    check_key(key)


@pytest.mark.parametrize("key", ["x" * 2049, "\u20ac" * 683])
def test_longer_keys_are_refused(key):
    """The limit counts bytes, and the message gives the size."""
    with pytest.raises(ValueError, match=r"larger than 2048 bytes. A key of size 2049"):
        check_key(key)


@pytest.mark.parametrize("key", [1, b"a", None, ("a",)])
def test_keys_are_text(key):
    """Anything but a str is a TypeError."""
    with pytest.raises(TypeError, match="a key is a str"):
        check_key(key)


def test_a_lone_surrogate_is_no_key():
    """What UTF-8 cannot hold is refused before SQLite sees it."""
    with pytest.raises(ValueError, match="not valid Unicode"):
        check_key("\ud800")
