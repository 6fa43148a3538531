"""What becomes of sockets when their object is reset (semantics 7.17), and by whom."""

from __future__ import annotations

import pytest

from tests.conformance.world import CallFailedError

RESET = (1011, "the object was reset")


@pytest.fixture
def room(world):
    return world.new("ROOM")


@pytest.fixture
def lasting(world):
    return world.new("LASTING")


def constructions(room) -> int | None:
    """Return how many instances there were; None from one that is being reset."""
    try:
        return room.call("constructions")
    except CallFailedError:
        return None


@pytest.mark.parametrize("command", ["abort", "section_raises", "break_commit"])
@pytest.mark.parametrize("asleep", [False, True])
def test_a_reset_closes_all_sockets(room, lines, command, asleep):
    """semantics 7.17, 3.11, 4.3, 4.4.4: also those of others; the new instance hears nothing of it."""
    one, other = (lines.open(room, "hibernate", id=number) for number in "12")
    if asleep:
        room.world.advance(11)
    one.ask(command)
    assert [one.ended(), other.ended()] == [RESET, RESET]
    assert one.left == []
    assert room.call("ids") == []
    room.world.advance(100)
    assert {each[0] for each in room.call("told")} == {"constructed"}


def test_a_reset_by_a_call_closes_all_sockets(room, lines):
    """semantics 7.17, 3.11."""
    line = lines.open(room, "hibernate")
    assert room.fails("aborts").durable_object_reset
    assert line.ended() == RESET


def test_a_reset_closes_accepted_sockets(room, lines):
    """semantics 7.1, 7.17."""
    line = lines.open(room, "listen")
    assert room.fails("aborts").durable_object_reset
    assert line.ended()[0] == 1011


def test_a_reset_forgets_the_automatic_answer(room, lines):
    """semantics 7.6, 7.17: it was for sockets that are gone; the next ones have what is set then."""
    old = lines.open(room, "hibernate")
    old.ask("auto", "ping", "pong")
    assert [old.receive(), old.exchange("ping")] == ["set", "pong"]
    assert room.fails("aborts").durable_object_reset
    assert old.ended() == RESET
    assert room.call("autos") is None
    assert lines.open(room, "hibernate").exchange("ping") == "ping"


def test_a_client_may_come_again_at_once(room, lines):
    """semantics 7.17: the next instance takes it."""
    line = lines.open(room, "hibernate")
    line.ask("abort")
    assert line.ended() == RESET
    again = lines.open(room, "hibernate")
    assert again.exchange("here again") == "here again"
    assert room.call("constructions") == 2


@pytest.mark.parametrize("command", ["abort", "section_raises", "break_commit"])
def test_a_class_may_keep_its_sockets(lasting, lines, command):
    """semantics 7.17: `sockets_on_reset = "keep"`; what was not confirmed is not sent."""
    one, other = (lines.open(lasting, "hibernate", id=number) for number in "12")
    assert one.value("attach", "kept") == "kept"
    one.ask(command)
    lasting.world.until(lambda: constructions(lasting), 2)
    assert [one.exchange("one"), other.exchange("two")] == ["one", "two"]
    assert lasting.call("ids") == ["2", "kept"]


def test_an_ordinary_error_resets_nothing(room, lines):
    """semantics 7.17: an exception of a handler is no reset."""
    line = lines.open(room, "hibernate")
    line.ask("raise", "an ordinary one")
    assert line.receive() == "before the error"
    assert line.exchange("open") == "open"


def test_other_objects_are_not_touched(world, room, lines):
    """semantics 3.1, 7.17: a reset is that of one object."""
    other = world.new("ROOM")
    mine, theirs = lines.open(room, "hibernate"), lines.open(other, "hibernate")
    mine.ask("abort")
    assert mine.ended() == RESET
    assert theirs.exchange("open") == "open"
