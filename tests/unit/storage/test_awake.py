"""Which databases are closed, and when: the clock's hand, the look once a second, the limits."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sourdough.errors import DurableObjectError
from sourdough.storage.awake import Awake


class Sleeper:
    """A database as `Awake` sees it."""

    def __init__(self) -> None:
        self.unused = 0
        self.pinned = False
        self.waits = False
        self.dozes = False

    def tire(self) -> int:
        self.unused = 0 if self.pinned else self.unused + 1
        return self.unused

    def doze(self) -> bool:
        self.dozes = not self.waits
        return self.dozes

    def use(self, awake: Awake) -> None:
        self.unused = 0
        if self.dozes:
            awake.admit(woken=True)
            self.dozes = False
            awake.opened(self)


class Turns:
    """The turns of a loop that a test takes by hand."""

    def __init__(self) -> None:
        self.due = []

    def all(self) -> int:
        taken = 0
        while self.due:
            self.due.pop(0)()
            taken += 1
        return taken


def opened(awake: Awake, count: int) -> list[Sleeper]:
    made = [Sleeper() for _ in range(count)]
    for each in made:
        awake.admit()
        awake.opened(each)
    return made


def rested(count: int) -> tuple[Awake, Turns, list[Sleeper]]:
    """Have some rest for so long that they are to doze in the turns to come."""
    turns = Turns()
    awake = Awake(soon=turns.due.append)
    made = opened(awake, count)
    for _ in range(3):
        awake.look()
    return awake, turns, made


def test_what_is_used_stays_open_and_what_rests_dozes():
    """Three looks in a row that find a database unused close it."""
    turns = Turns()
    awake = Awake(soon=turns.due.append)
    busy, resting = opened(awake, 2)
    for _ in range(3):
        busy.use(awake)
        awake.look()
        turns.all()
    assert (busy.dozes, resting.dozes, len(awake)) == (False, True, 1)


def test_many_that_rest_are_closed_over_several_turns():
    """A thousand closings in one turn would hold up everybody for 50 ms."""
    _, turns, made = rested(100)
    assert turns.all() > 3
    assert all(each.dozes for each in made)


def test_one_that_is_used_before_its_turn_comes_stays_open():
    """Between the look and the closing there are turns of the loop."""
    awake, turns, (database,) = rested(1)
    database.use(awake)
    turns.all()
    assert not database.dozes


def test_one_that_was_closed_before_its_turn_comes_is_let_alone():
    """An eviction may come first."""
    awake, turns, (database,) = rested(1)
    awake.closed(database)
    turns.all()
    assert not database.dozes


def test_above_the_limit_one_that_was_not_used_makes_room():
    """Objects that are called in turn never take more than the limit, however many they are."""
    awake = Awake(soon=Turns().due.append, limit=10)
    made = opened(awake, 10)
    made += opened(awake, 30)
    assert sum(not each.dozes for each in made) == len(awake)
    assert len(awake) <= 11


def test_what_is_used_all_the_time_is_not_closed_for_others():
    """A hot object among thousands that are called once stays open."""
    awake = Awake(soon=Turns().due.append, limit=20)
    (hot,) = opened(awake, 1)
    for _ in range(200):
        hot.use(awake)
        opened(awake, 1)
        assert not hot.dozes


def test_what_cannot_doze_goes_beyond_the_limit_up_to_the_descriptors():
    """The limit saves memory; descriptors are what ends it (invariant P10)."""
    awake = Awake(soon=Turns().due.append, limit=2, most=4)
    made = []
    for _ in range(4):
        (one,) = opened(awake, 1)
        one.pinned = True
        made.append(one)
    with pytest.raises(DurableObjectError) as refused:
        awake.admit()
    assert refused.value.overloaded
    made[2].pinned = False
    awake.admit()
    assert [each.dozes for each in made] == [False, False, True, False]


def test_more_are_open_where_more_are_used_at_once():
    """Closing and opening in turn would be all that is done; there are descriptors for more."""
    turns = Turns()
    awake = Awake(soon=turns.due.append, limit=8, most=40)
    made = opened(awake, 30)
    for _ in range(3):
        for each in made:
            each.use(awake)
        awake.look()
        turns.all()
    assert not any(each.dozes for each in made)


def test_fewer_are_open_again_where_descriptors_are_not_enough_either():
    """Then all are closed and opened in turn anyway, and few are cheaper."""
    turns = Turns()
    awake = Awake(soon=turns.due.append, limit=8, most=40)
    made = opened(awake, 60)
    most = 0
    for _ in range(12):
        for each in made:
            each.use(awake)
            most = max(most, len(awake))
        awake.look()
        turns.all()
    assert most == 40
    assert len(awake) <= 9


def test_those_that_come_for_the_first_time_are_no_reason_for_more():
    """Ten thousand objects that are called once, and then live on, are not in use at once."""
    turns = Turns()
    awake = Awake(soon=turns.due.append, limit=8, most=100)
    for _ in range(5):
        opened(awake, 12)
        awake.look()
    assert len(awake) <= 9


def use_or_be_refused(one: Sleeper, awake: Awake, all_of_them: list[Sleeper]) -> None:
    try:
        one.use(awake)
    except DurableObjectError:
        open_ones = [each for each in all_of_them if not each.dozes]
        assert len(open_ones) == 6
        assert all(each.pinned or each.waits for each in open_ones)


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_it_always_knows_which_are_open(data):
    """Whatever is used, pinned, closed and looked at: never more than there are descriptors for."""
    turns = Turns()
    awake = Awake(soon=turns.due.append, limit=3, most=6)
    all_of_them = [Sleeper() for _ in range(9)]
    for each in all_of_them:
        each.dozes = True
    steps = st.tuples(
        st.sampled_from(("use", "use", "use", "pin", "let go", "wait", "look", "turn", "close")),
        st.sampled_from(all_of_them),
    )
    for step, one in data.draw(st.lists(steps, max_size=60)):
        match step:
            case "use":
                use_or_be_refused(one, awake, all_of_them)
            case "pin":
                one.pinned = not one.dozes
            case "let go":
                one.pinned = one.waits = False
            case "wait":
                one.waits = not one.dozes
            case "look":
                awake.look()
            case "turn" if turns.due:
                turns.due.pop(0)()
            case "close" if not one.dozes:
                one.dozes = True
                awake.closed(one)
                one.pinned = one.waits = False
        assert len(awake) == sum(not each.dozes for each in all_of_them) <= 6


def test_one_that_cannot_doze_keeps_no_other_awake():
    """Its error is told; the others go on in the next turn."""
    _, turns, made = rested(40)

    def fails() -> bool:
        raise OSError("disk I/O error")

    made[-1].doze = fails
    failures = 0
    while turns.due:
        try:
            turns.all()
        except OSError:
            failures += 1
    assert (failures, sum(each.dozes for each in made)) == (1, 39)
