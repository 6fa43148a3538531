"""Values come back as they went in, or are refused with their place."""

from __future__ import annotations

import collections
import datetime as dt
import decimal
import enum
import math
import uuid
from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sourdough.errors import StorageFormatError
from sourdough.values import decode, encode

_TZ = st.builds(
    lambda seconds: dt.timezone(dt.timedelta(seconds=seconds)), st.integers(-86_399, 86_399)
)
_HASHABLE_SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.integers(-(2**200), 2**200),
    st.floats(allow_nan=False),
    st.text(),
    st.binary(),
    st.datetimes(),
    st.datetimes(timezones=_TZ),
    st.dates(),
    st.times(),
    st.times(timezones=_TZ),
    st.timedeltas(),
    st.decimals(allow_nan=False),
    st.uuids(),
    st.complex_numbers(allow_nan=False),
)
_HASHABLE = st.recursive(
    _HASHABLE_SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3).map(tuple), st.frozensets(inner, max_size=3)
    ),
    max_leaves=6,
)
_VALUES = st.recursive(
    _HASHABLE,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.lists(inner, max_size=4).map(tuple),
        st.dictionaries(_HASHABLE, inner, max_size=4),
        st.sets(_HASHABLE, max_size=4),
    ),
    max_leaves=12,
)


def typed(value: object) -> object:
    """Return a form of a value in which equal means equal in type as well, order aside."""
    kind = type(value).__name__
    if isinstance(value, dict):
        return kind, sorted((repr(typed(k)), repr(typed(v))) for k, v in value.items())
    if isinstance(value, set | frozenset):
        return kind, sorted(repr(typed(item)) for item in value)
    if isinstance(value, list | tuple):
        return kind, [typed(item) for item in value]
    return kind, repr(value)


@given(_VALUES)
@settings(max_examples=150, deadline=None)
def test_a_value_comes_back_equal_and_of_the_same_type(value):
    """Every promised type round-trips exactly, at any nesting."""
    assert typed(decode(encode(value))) == typed(value)


@given(_VALUES)
@settings(max_examples=50, deadline=None)
def test_sharing_keeps_the_value(value):
    """A value that occurs twice is written with references and still comes back equal."""
    shared = [value, [value], value]
    assert typed(decode(encode(shared))) == typed(shared)


@given(st.binary(max_size=40))
@settings(max_examples=200, deadline=None)
def test_arbitrary_bytes_raise_only_documented_errors(data):
    """Damaged data ends in ValueError, never in anything else."""
    try:
        decode(b"\x01" + data)
    except ValueError:
        return


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, -0.0])
def test_special_floats_come_back(value):
    """NaN, the infinities and negative zero survive."""
    assert repr(decode(encode(value))) == repr(value)


@pytest.mark.parametrize("text", ["NaN", "sNaN", "-0", "-Infinity", "1.50", "1E+1000000", "0E-9"])
def test_decimals_keep_their_exact_form(text):
    """A Decimal keeps sign, exponent and kind, which CBOR's own decimal tag would lose."""
    assert str(decode(encode([decimal.Decimal(text)]))[0]) == text


@pytest.mark.parametrize("value", [bytearray(b"ab"), memoryview(b"ab"), [bytearray(b"ab")]])
def test_buffers_come_back_as_bytes(value):
    """What only views or holds bytes is stored as bytes."""
    back = decode(encode(value))
    assert back in (b"ab", [b"ab"])


def test_a_list_may_contain_itself():
    """A cycle through a list and a dict comes back as the same cycle."""
    value: list = [1]
    value.append({"up": value})
    back = decode(encode(value))
    assert back[1]["up"] is back
    assert back[0] == 1


def test_shared_references_stay_shared():
    """Two references to one list are two references to one list again, empty ones too."""
    inner: list = []
    back = decode(encode({"a": inner, "b": (inner, inner), "c": [{1, 2}]}))
    assert back["a"] is back["b"][0] is back["b"][1]
    assert back["c"] == [{1, 2}]


def test_a_shared_set_stays_shared():
    """Sets are mutable, so their identity counts too."""
    inner = {1, (2, 3)}
    back = decode(encode([inner, inner]))
    assert back[0] is back[1]
    assert back[0] == inner


def test_a_deeply_shared_tuple_does_not_explode():
    """Forty levels of doubling are forty containers, not 2**40."""
    value: tuple = ("leaf",)
    for _ in range(40):
        value = (value, value)
    data = encode(value)
    assert len(data) < 1000
    assert decode(data)[0][1][0][1] is not None


def test_a_tuple_in_a_cycle_is_refused():
    """A tuple cannot be rebuilt before its own content, so the cycle is named instead."""
    inner: list = []
    value = (inner,)
    inner.append(value)
    with pytest.raises(ValueError, match="tuple that contains itself"):
        encode(value)


def test_what_is_read_is_not_what_was_written():
    """Changing the original, or a result, changes nothing else."""
    value = {"a": [1]}
    data = encode(value)
    value["a"].append(2)
    first = decode(data)
    first["a"].append(3)
    assert decode(data) == {"a": [1]}


class Point:
    """A class of a user."""

    name = "x"


class Colour(enum.IntEnum):
    """An int that is more than an int."""

    RED = 1


class Pair(NamedTuple):
    """A tuple that is more than a tuple."""

    a: int
    b: int


@pytest.mark.parametrize(
    ("value", "path"),
    [
        (Point(), "value is of type"),
        ({"users": [1, 2, 3, Point()]}, 'value["users"][3] is of type'),
        ({"a": {1: (0, Colour.RED)}}, 'value["a"][1][1] is of type'),
        ([Pair(1, 2)], "value[0] is of type"),
        ({"d": collections.defaultdict(list)}, 'value["d"] is of type collections.defaultdict'),
        ({Colour.RED: 1}, "value (key <Colour.RED: 1>) is of type"),
        ({"s": {Pair(1, 2)}}, 'value["s"] (element Pair(a=1, b=2)) is of type'),
        (object, "value is of type type"),
    ],
)
def test_other_types_are_refused_with_their_place(value, path):
    """What would not come back the same is refused, and the message says where it is."""
    with pytest.raises(TypeError) as caught:
        encode(value)
    assert path in str(caught.value)


@pytest.mark.parametrize(
    ("value", "path"),
    [("\ud800", "value is"), (["a", "\udfff"], "value[1] is"), ({"\ud800": 1}, "value (key")],
)
def test_lone_surrogates_are_refused_with_their_place(value, path):
    """Text that UTF-8 cannot hold is a ValueError that names its place."""
    with pytest.raises(ValueError, match="lone surrogate") as caught:
        encode(value)
    assert str(caught.value).startswith(path)


def test_nesting_is_bounded():
    """Depth beyond the limit is a clear error, not a crash of the process; the limit works."""
    value: list = []
    for _ in range(199):
        value = [value]
    assert decode(encode(value)) == value
    for _ in range(100_000):
        value = [value]
    with pytest.raises(ValueError, match="nested deeper"):
        encode(value)
    while value:  # taken apart by hand: the interpreter's own clean-up would recurse
        value = value[0]


def test_what_the_depth_limit_lets_through_can_be_read():
    """The worst case of the encoder's limit (marks on every level) is within the decoder's."""
    inner: list = [1]
    value: object = [inner, inner]
    for _ in range(198):
        value = (value,)
    assert decode(encode(value)) == value


def test_a_newer_format_is_refused_with_a_sentence():
    """A value of a later version is not guessed at (invariant S14)."""
    with pytest.raises(StorageFormatError, match="format 2"):
        decode(b"\x02\x01")


@pytest.mark.parametrize(
    "data", [b"", b"\x00\x01", b"\x01", b"\x01\x61", b"\x01\xd8\x1d\x05", b"\x01\xd9\x53\xff\x01"]
)
def test_damaged_data_is_a_value_error(data):
    """Empty, cut and nonsensical data raise ValueError."""
    with pytest.raises(ValueError, match="damaged"):
        decode(data)


def test_golden_bytes():
    """The format is for ever: these bytes were written by version 1."""
    naive = dt.datetime.fromisoformat("2026-01-02T03:04:05")
    value = {"a": (1, frozenset({2})), "t": naive, "u": uuid.UUID(int=7)}
    golden = bytes.fromhex(
        "01a36161d95300820"
        "1d9530181026174d9530273323032362d30312d30325430333a30343a3035"
        "6175d8255000000000000000000000000000000007"
    )
    assert encode(value) == golden
    assert decode(golden) == value
