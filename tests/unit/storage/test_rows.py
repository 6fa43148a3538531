"""Rows give their values by position, by name and by attribute."""

from __future__ import annotations

import pytest

from sourdough.storage.rows import row_class
from sourdough.values import decode, encode


def test_three_ways_to_a_value():
    """Position, name and attribute agree, also for names that tuples use themselves."""
    row = row_class(("id", "count", "index"))((1, 2, 3))
    assert (row[0], row["count"], row.index) == (1, 2, 3)
    assert row.count == 2
    assert row == (1, 2, 3)
    assert row.as_dict() == {"id": 1, "count": 2, "index": 3}


def test_a_column_may_have_any_name():
    """Names that are no attributes are still reachable by index."""
    row = row_class(("count(*)", "class", "_x", "keys"))((1, 2, 3, 4))
    assert [row[name] for name in ("count(*)", "class", "_x", "keys")] == [1, 2, 3, 4]
    assert row.keys() == ("count(*)", "class", "_x", "keys")


def test_of_two_columns_with_one_name_the_last_counts():
    """As in the semantics of row objects (5.3)."""
    row = row_class(("a", "a"))((1, 2))
    assert row.a == row["a"] == 2


def test_an_unknown_column_is_named():
    """The message lists what there is."""
    row = row_class(("id", "body"))((1, "x"))
    with pytest.raises(AttributeError, match="no column 'nmae'; there are id, body"):
        _ = row.nmae
    with pytest.raises(KeyError, match="nmae"):
        row["nmae"]


def test_rows_travel_as_dicts():
    """A list of rows can be stored or returned over RPC as it is."""
    row = row_class(("id", "body"))((1, b"x"))
    assert decode(encode([row])) == [{"id": 1, "body": b"x"}]
