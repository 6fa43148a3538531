"""The key-value store, asynchronous and synchronous (semantics 5.1, 5.2)."""

from __future__ import annotations

import pytest

from tests.conformance.project.samples import SAMPLES
from tests.conformance.steps import Raised, storage

LETTERS = storage.put({each: each for each in "badc"})


@pytest.mark.parametrize("sample", SAMPLES)
def test_values_come_back(world, sample):
    """semantics 5.1, trap 21: equal and of the same type, from both stores."""
    assert world.new("KEEPER").call("keeps", sample) is True


@pytest.mark.parametrize("what", ["function", "object", "class", "stub"])
def test_what_is_no_data_is_refused(world, what):
    """semantics 5.1, trap 21: and nothing of the same call is written."""
    assert world.new("KEEPER").call("refuses", what) == ["TypeError", None]


def test_what_is_stored_is_a_copy(world):
    """semantics 5.1, trap 22: changing a value later changes nothing."""
    assert world.new("KEEPER").call("copies") == [1]


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        ([storage.get("a")], [None]),
        ([storage.get("a", 7)], [7]),
        ([storage.put("a", 1), storage.get("a", 7)], [None, 1]),
        ([storage.put("a", None), storage.get("a", 7)], [None, None]),
        ([storage.put("a", 1), storage.put("a", 2), storage.get("a")], [None, None, 2]),
        ([storage.put("", 1), storage.get("")], [None, 1]),
        ([storage.put({"a": 1, "b": 2}), storage.list()], [None, {"a": 1, "b": 2}]),
        ([storage.put({}), storage.list()], [None, {}]),
        ([LETTERS, storage.get(["d", "x", "a"])], [None, {"a": "a", "d": "d"}]),
        ([storage.get([])], [{}]),
        ([storage.delete("a")], [False]),
        ([LETTERS, storage.delete("a"), storage.get("a")], [None, True, None]),
        ([LETTERS, storage.delete(["a", "x", "b"]), storage.delete([])], [None, 2, 0]),
        ([storage.put("a", 1), storage.kv.get("a")], [None, 1]),
        ([storage.kv.put("a", 1), storage.get("a")], [None, 1]),
        ([storage.kv.put("a", 1), storage.kv.delete("a"), storage.kv.delete("a")],
         [None, True, False]),
        ([storage.kv.get("a"), storage.kv.get("a", 7)], [None, 7]),
        ([LETTERS, storage.kv.list(reverse=True, limit=2)], [None, [["d", "d"], ["c", "c"]]]),
        ([LETTERS, storage.kv.list(start="b", end="d")], [None, [["b", "b"], ["c", "c"]]]),
    ],
)  # fmt: skip
def test_get_put_delete(world, steps, expected):
    """semantics 5.1, 5.2: single keys and several, in both stores, which are one."""
    assert world.new("KEEPER").steps(*steps) == expected


@pytest.mark.parametrize(
    ("options", "keys"),
    [
        ({}, "abcd"),
        ({"reverse": True}, "dcba"),
        ({"start": "b"}, "bcd"),
        ({"start_after": "b"}, "cd"),
        ({"end": "c"}, "ab"),
        ({"start": "b", "end": "d"}, "bc"),
        ({"start": "b", "end": "d", "reverse": True}, "cb"),
        ({"start_after": "a", "end": "d", "reverse": True, "limit": 1}, "c"),
        ({"limit": 2}, "ab"),
        ({"limit": 2, "reverse": True}, "dc"),
        ({"limit": 100}, "abcd"),
        ({"prefix": "b"}, "b"),
        ({"prefix": "b", "start": "c"}, ""),
        ({"prefix": ""}, "abcd"),
        ({"start": "c", "end": "b"}, ""),
        ({"start": "b", "end": "b"}, ""),
        ({"end": ""}, ""),
        ({"start": "x"}, ""),
    ],
)  # fmt: skip
def test_list(world, options, keys):
    """semantics 5.1, trap 20: start is included, end is not, reverse turns the order alone."""
    result = world.new("KEEPER").steps(LETTERS, storage.list(**options))[1]
    assert list(result) == list(keys)


def test_keys_are_in_the_order_of_their_bytes(world):
    """semantics 5.1, trap 18: of UTF-8, not of UTF-16, and not of any language."""
    keys = ["", "B", "a", "a\x00", "a!", "z", "\u00e4", "\ufffd", "\U0001f600"]
    step = storage.put(dict.fromkeys(reversed(keys), 0))
    assert list(world.new("KEEPER").steps(step, storage.list())[1]) == keys


@pytest.mark.parametrize(
    ("prefix", "keys"),
    [
        ("100%_", ["100%_", "100%_a"]),
        ("_", ["_a"]),
        ("\U0010ffff", ["\U0010ffff", "\U0010ffff\U0010ffff"]),
        ("A", ["A"]),
        ("%", []),
        ("\ud7ff", ["\ud7ff", "\ud7ffa"]),
    ],
)
def test_a_prefix_is_taken_literally(world, prefix, keys):
    """semantics 5.1, trap 19: no wildcard, no case, no end of the alphabet."""
    every = [
        "100%_", "100%_a", "100xxa", "_a", "A", "a", "\ud7ff", "\ud7ffa", "\ue000",
        "\U0010ffff", "\U0010ffff\U0010ffff",
    ]  # fmt: skip
    step = storage.put(dict.fromkeys(every, 0))
    assert list(world.new("KEEPER").steps(step, storage.list(prefix=prefix))[1]) == keys


@pytest.mark.parametrize(
    ("step", "raised"),
    [
        (storage.list(start="a", start_after="b"),
         Raised("TypeError", "list() cannot be called with both start and start_after values.")),
        (storage.list(limit=0), Raised("TypeError", "List limit must be positive.")),
        (storage.list(limit=-1), Raised("TypeError", "List limit must be positive.")),
        (storage.list(limit="1"), Raised("TypeError")),
        (storage.list(prefix=1), Raised("TypeError")),
        (storage.put("a"), Raised("TypeError", "put() called without a value.")),
        (storage.put(1, 1), Raised("TypeError", "a key is a str")),
        (storage.put("k" * 2049, 1), Raised("ValueError", "A key of size 2049 was provided.")),
        (storage.get("\u00e4" * 1025), Raised("ValueError", "A key of size 2050 was provided.")),
        (storage.get([str(number) for number in range(129)]),
         Raised("ValueError", "Maximum number of key value pairs is 128. 129 pairs were provided")),
        (storage.get(1), Raised("TypeError")),
        (storage.delete(1), Raised("TypeError")),
        (storage.kv.put("k" * 2049, 1), Raised("ValueError", "Keys cannot be larger than 2048")),
        (storage.kv.list(limit=0), Raised("TypeError", "List limit must be positive.")),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named(world, step, raised):
    """semantics 5.1, 10, trap 20: nothing is written, the object goes on."""
    assert world.new("KEEPER").steps(step, storage.list()) == [raised, {}]


@pytest.mark.parametrize("key", ["k" * 2048, "\u00e4" * 1024])
def test_the_longest_key(world, key):
    """semantics 10: 2,048 bytes of UTF-8."""
    assert world.new("KEEPER").steps(storage.put(key, 1), storage.get(key)) == [None, 1]


def test_a_large_value(world):
    """semantics 10: two megabytes are no trouble."""
    text = "x" * 2_000_000
    assert world.new("KEEPER").steps(storage.put("a", text), storage.get("a"))[1] == text


def test_several_entries_are_put_whole_or_not_at_all(world):
    """semantics 5.1: one that cannot be stored keeps the others out."""
    step = storage.put({"a": 1, "k" * 2049: 2})
    assert world.new("KEEPER").steps(step, storage.list())[1] == {}


def test_a_second_listing_ends_the_first(world):
    """semantics 5.2: only one iterator exists at a time."""
    first, error, *rest = world.new("KEEPER").call("two_listings")
    assert first == "a"
    assert error.startswith("kv.list() iterator was invalidated")
    assert rest == ["a", "b", "c"]


def test_delete_all(world):
    """semantics 5.1, trap 39: entries and tables are gone, and both can be made again."""
    keeper = world.new("KEEPER")
    keeper.steps(LETTERS, storage.sql.exec("CREATE TABLE t(x)"), storage.delete_all())
    tables = storage.sql.exec("SELECT count(*) FROM sqlite_master WHERE name = 't'")
    assert keeper.steps(storage.list(), tables) == [{}, [[0]]]
    again = keeper.steps(storage.put("a", 1), storage.sql.exec("CREATE TABLE t(x)"), storage.list())
    assert again == [None, [], {"a": 1}]


def test_delete_all_of_nothing(world):
    """semantics 5.1: is no error."""
    assert world.new("KEEPER").steps(storage.delete_all(), storage.list()) == [None, {}]


def test_a_cursor_over_delete_all(world):
    """semantics 5.3, trap 26: ends cleanly, the object goes on."""
    keeper = world.new("KEEPER")
    assert keeper.call("cursor_over_delete_all") == "SqlError"
    assert keeper.steps(storage.list()) == [{}]
