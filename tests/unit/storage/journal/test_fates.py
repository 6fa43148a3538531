"""What the records of journals say about one object."""

from __future__ import annotations

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from sourdough.storage.journal.fates import Fate
from sourdough.storage.journal.records import ObjectKey, Record, RecordType

SEGMENT = Path("1-0-1.segment")
PACKED = ObjectKey("Counter", bytes(32)).packed()


def record(kind, lsn, *, epoch=1, base=0, previous=0, covers=0):
    payload = memoryview(covers.to_bytes(8, "little") if kind == RecordType.MARK else b"")
    return Record(
        kind, PACKED, 1, 1, epoch, lsn, base, previous, 0, 1024, 1, 0, payload, True, 0, 0
    )


def fate(*records):
    made = Fate()
    for each in records:
        made.take(each, SEGMENT)
    return made


def live(*records):
    return [each.lsn for each in fate(*records).live()]


COMMIT, MARK, CREATE, DELETE, INTENT = (
    RecordType.COMMIT, RecordType.MARK, RecordType.CREATE, RecordType.DELETE, RecordType.INTENT,
)  # fmt: skip


def test_commits_are_live_until_they_are_marked():
    """A record becomes void only through a mark (invariant S6)."""
    assert live(record(COMMIT, 1), record(COMMIT, 2)) == [1, 2]
    assert live(record(COMMIT, 1), record(COMMIT, 2), record(MARK, 3, covers=1)) == [2]


def test_a_base_is_as_good_as_the_mark():
    """A mark may be gone with its segment; every record carries what it covered."""
    assert live(record(COMMIT, 4), record(COMMIT, 9, base=4)) == [9]


def test_a_later_epoch_voids_the_earlier():
    """An owner begins when everything of earlier epochs is in the synced file."""
    assert live(record(COMMIT, 8), record(COMMIT, 2, epoch=2)) == [2]
    assert live(record(COMMIT, 8), record(MARK, 1, epoch=2)) == []


def test_an_image_or_a_deletion_begins_anew():
    """What a file held before it was made or removed counts no more (invariant S7)."""
    assert live(record(COMMIT, 1), record(DELETE, 2)) == [2]
    assert live(record(DELETE, 2), record(CREATE, 3), record(COMMIT, 4)) == [3, 4]


def test_an_intent_says_nothing_about_the_file():
    """It is for the index of alarms (invariant S11)."""
    assert live(record(COMMIT, 1), record(INTENT, 2)) == [1]


def test_a_damaged_record_counts_until_something_makes_up_for_it():
    """A mark of it, a new image and a deletion do."""
    torn = fate(record(COMMIT, 1), record(COMMIT, 2))
    torn.damaged(2, "torn")
    assert torn.damage == "torn"
    torn.take(record(MARK, 3, covers=2), SEGMENT)
    assert torn.damage is None
    torn.damaged(4, "torn again")
    torn.take(record(CREATE, 5), SEGMENT)
    assert torn.damage is None


def test_a_lost_record_is_missed_by_the_one_behind_it():
    """The records of an object name the one before; those of others do not matter."""
    hole = range(5, 7)
    broken = fate(record(COMMIT, 3), record(COMMIT, 8, previous=5))
    whole = fate(record(COMMIT, 3), record(COMMIT, 8, previous=3))
    for each in (broken, whole):
        each.missing(hole, "missing", seat=1)
    assert broken.damage == "missing"
    assert whole.damage is None


def test_what_builds_on_an_unfinished_commit_is_given_up():
    """Nobody was told of a commit whose pages did not all reach the disk, nor of later ones."""
    cut = fate(record(COMMIT, 1), record(COMMIT, 2), record(COMMIT, 3))
    cut.cut(2)
    assert [each.lsn for each in cut.live()] == [1]


@given(st.lists(st.tuples(st.integers(1, 3), st.sampled_from((COMMIT, MARK)), st.integers(0, 9))))
def test_what_is_live_is_newer_than_every_mark(steps):
    """In the order of (epoch, lsn), live records are those of the last epoch above its marks."""
    records = [
        record(kind, lsn, epoch=epoch, covers=min(covers, lsn))
        for lsn, (epoch, kind, covers) in enumerate(sorted(steps, key=lambda each: each[0]), 1)
    ]
    found = live(*records)
    last = max((each.epoch for each in records), default=0)
    void = max(
        (int.from_bytes(each.payload, "little") for each in records
         if each.type == MARK and each.epoch == last), default=0,
    )  # fmt: skip
    assert found == [
        each.lsn for each in records
        if each.type == COMMIT and each.epoch == last and each.lsn > void
    ]  # fmt: skip
