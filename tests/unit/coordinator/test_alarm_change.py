"""Changes of the index of alarms that wait together for a disk."""

from __future__ import annotations

import sqlite3

from hypothesis import given
from hypothesis import strategies as st

from sourdough.coordinator.alarm_book import Due
from sourdough.coordinator.alarm_index import Change, _row, _statement

KEY = ("Thing", bytes(32))

changes = st.builds(
    lambda due, name, found: Change(
        key=KEY,
        alarm=None if due is None else Due(key=KEY, due=due, name=name),
        found=found and due is not None,
    ),
    st.none() | st.integers(1, 3),
    st.sampled_from((None, "anna")),
    st.booleans(),
)


def index_after(*made) -> list:
    """Return what the table holds when these were written one after the other."""
    table = sqlite3.connect(":memory:")
    table.execute("CREATE TABLE alarms(storage, id, due, name, PRIMARY KEY(storage, id))")
    for each in made:
        table.execute(_statement(each), _row(each))
    rows = table.execute("SELECT due, name FROM alarms").fetchall()
    table.close()
    return rows


@given(st.none() | changes.filter(lambda each: each.alarm is not None), changes, changes)
def test_two_changes_of_an_object_are_one(first, earlier, later):
    """The index holds the same time as if both were written; a name may outlive a removal."""
    before = [] if first is None else [first]
    apart = index_after(*before, earlier, later)
    together = index_after(*before, earlier.followed_by(later))
    assert [due for due, _ in together] == [due for due, _ in apart]
    if earlier.alarm is not None:
        assert together == apart
