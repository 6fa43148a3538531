"""Clients whose object sleeps, and what is answered for it (semantics 7.5 - 7.8, 7.16, trap 33)."""

from __future__ import annotations

import time

import pytest

from tests.conformance.frames import CLOSE, TEXT, close, frame
from tests.conformance.wire import Wire

ASLEEP = 10.1
"""Seconds without an event, after which an object has left memory."""


def answer(line, *pair: str) -> None:
    """Have the object set its automatic answer. Its gateway has heard of it when this returns."""
    line.ask("auto", *pair)
    assert line.receive() == "set"


@pytest.fixture
def room(world):
    return world.new("ROOM")


def test_a_message_wakes_the_object(room, lines):
    """trap 33, semantics 7.16: the constructor runs before the handler, on the same connection."""
    line = lines.open(room, "hibernate", id="me")
    assert line.exchange("before") == "before"
    room.world.advance(ASLEEP)
    assert line.exchange("after") == "after"
    expected = [["constructed"], ["message", "before"], ["constructed"], ["message", "after"]]
    assert room.call("told") == expected


def test_what_survives_sleep(room, lines):
    """semantics 7.16, 7.5: attachment, tags, url, protocol; and the order of the list."""
    line = lines.open(room, "protocol", id="?", subprotocols=["chat.v2"])
    assert line.value("attach", {"n": 1, "who": ["me"]}) == {"n": 1, "who": ["me"]}
    described = line.value("describe")
    lines.open(room, "hibernate", id="two", tag=["red", "blue"])
    lines.open(room, "hibernate", id="three", tag=["red"])
    room.world.advance(ASLEEP)
    assert line.value("describe") == described
    assert room.call("constructions") == 2
    assert room.call("ids") == ["three", "two", {"n": 1, "who": ["me"]}]
    assert room.call("ids", "red") == ["two", "three"]
    assert room.call("tags_of_all") == [["red"], ["blue", "red"], []]


def test_a_call_wakes_the_object_with_its_sockets(room, lines):
    """semantics 7.16: they are there in the constructor's first event, and can be sent to."""
    line = lines.open(room, "hibernate", id="one")
    room.world.advance(ASLEEP)
    assert room.call("ids") == ["one"]
    room.call("sends", "from a call")
    assert line.receive() == "from a call"
    assert room.call("constructions") == 2


def test_sleep_after_sleep(room, lines):
    """semantics 7.16: as often as one likes."""
    line = lines.open(room, "hibernate")
    for _ in range(5):
        assert line.value("count") == room.call("constructions")
        room.world.advance(ASLEEP)


def test_a_client_closes_while_the_object_sleeps(room, lines):
    """semantics 7.10, trap 35: the handler of the close is what wakes it."""
    line = lines.open(room, "hibernate", id="one")
    room.world.advance(ASLEEP)
    assert line.close(3000, "while asleep") == (3000, "while asleep")
    expected = [["constructed"], ["constructed"], ["close", 3000, "while asleep", True]]
    room.world.until(lambda: room.call("told"), expected)
    assert room.call("ids") == []


def test_an_attachment_ends_with_its_connection(room, lines):
    """semantics 7.5: the next one of the same client has none."""
    lines.open(room, "hibernate", id="one").close(1000)
    room.world.until(lambda: room.call("ids"), [])
    lines.open(room, "hibernate")
    assert room.call("ids") == [None]


def test_automatic_answers(room, lines):
    """semantics 7.6: to exactly one text, in place of the handler."""
    line = lines.open(room, "hibernate")
    answer(line, "ping", "pong")
    assert line.exchange("ping") == "pong"
    for other in ("Ping", "ping ", "pin", b"ping"):
        assert line.exchange(other) == other
    told = [each[1] for each in room.call("without_births")]
    assert told == ["Ping", "ping ", "pin", [112, 105, 110, 103]]


def test_an_automatic_answer_wakes_nobody(room, lines):
    """semantics 7.6, trap 33: no instance is made for it, neither before nor after."""
    line = lines.open(room, "hibernate")
    answer(line, "ping", "pong")
    room.world.advance(ASLEEP)
    for _ in range(10):
        assert line.exchange("ping") == "pong"
    answered = time.monotonic_ns()
    assert room.call("birth") > answered
    assert room.call("told") == [["constructed"], ["constructed"]]


def test_pings_wake_nobody(room, lines):
    """semantics 7.8: pings and pongs are the protocol's own."""
    line = lines.open(room, "hibernate")
    answer(line, "ping", "pong")
    room.world.advance(ASLEEP)
    line.ping()
    assert line.exchange("ping") == "pong"
    answered = time.monotonic_ns()
    assert room.call("birth") > answered


def test_an_automatic_answer_is_for_all_sockets(room, lines):
    """semantics 7.6: also those that come later; another replaces it, none clears it."""
    first = lines.open(room, "hibernate")
    assert room.call("autos") is None
    answer(first, "ping", "pong")
    later = lines.open(room, "hibernate")
    assert [first.exchange("ping"), later.exchange("ping")] == ["pong", "pong"]
    answer(first, "hello", "hi")
    assert room.call("autos") == ["hello", "hi"]
    assert [first.exchange("ping"), first.exchange("hello")] == ["ping", "hi"]
    answer(first)
    assert room.call("autos") is None
    assert first.exchange("hello") == "hello"


def test_an_automatic_answer_survives_sleep(room, lines):
    """semantics 7.6: without any socket that could remember it, too."""
    line = lines.open(room, "hibernate")
    answer(line, "ping", "pong")
    room.world.advance(ASLEEP)
    assert room.call("autos") == ["ping", "pong"]
    assert room.call("constructions") == 2


def test_when_an_automatic_answer_was_given(room, lines):
    """semantics 7.6: the time of the last one, None before; sleep keeps it."""
    line = lines.open(room, "hibernate")
    answer(line, "ping", "pong")
    assert room.call("answered") == [None]
    assert line.exchange("other") == "other"
    assert room.call("answered") == [None]
    before = room.world.advance() / 1000
    assert line.exchange("ping") == "pong"
    room.world.until(lambda: room.call("answered") != [None], True)
    [first] = room.call("answered")
    assert abs(first - before) < 60
    room.world.advance(100)
    assert room.call("answered") == [first]
    assert line.exchange("ping") == "pong"
    room.world.until(lambda: room.call("answered")[0] >= first + 99, True)


def test_no_automatic_answer_behind_our_close(room):
    """semantics 7.6: once the object has closed its side, though the client has not."""
    wire = Wire(room.world, f"/room/{room.name}/hibernate")
    wire.ask()
    wire.send(frame(TEXT, b'!["auto", "ping", "pong"]'), cut=False)
    wire.send(frame(TEXT, b'!["close", 1000, "bye"]'), cut=False)
    assert wire.frames(2) == [(TEXT, b"set", 0), (CLOSE, b"\x03\xe8", 0)]
    wire.send(frame(TEXT, b"ping") + close(1000), cut=False)
    assert wire.frames() == []
    wire.close()


def test_the_length_of_an_automatic_answer(room):
    """semantics 7.6: 2,048 bytes each, of UTF-8."""
    long = "\u00e4" * 1024
    fine, request, response = room.call(
        "auto_refusals", [long, long], [long + "x", "y"], ["x", long + "y"]
    )
    assert fine is None
    assert "ValueError: Request cannot be larger than 2048 bytes" in request
    assert "2049" in request
    assert "Response cannot be larger than 2048 bytes" in response


def test_the_time_limit_of_events(room):
    """semantics 7.7: 0 or none clears it; seven days at most."""
    assert room.call("event_timeouts", None, 500, 0, 604_800_000, None) == [
        None, 500, None, 604_800_000, None,
    ]  # fmt: skip
    [refused] = room.call("event_timeouts", 604_800_001)
    assert "Event timeout should not exceed 604800000 ms." in refused


def test_a_socket_that_hibernates_keeps_nobody_awake(room, lines):
    """semantics 3.5, 3.6, 7.1: only what its handlers do."""
    line = lines.open(room, "hibernate")
    room.world.advance(ASLEEP)
    assert line.exchange("x") == "x"
    assert room.call("constructions") == 2


def test_a_handler_under_way_keeps_the_object(room, lines):
    """semantics 3.6: as any event."""
    line = lines.open(room, "hibernate")
    line.ask("wait", "door")
    room.world.until(lambda: room.call("without_births"), [["waits", "door"]])
    room.world.advance(5 * ASLEEP)
    line.ask("open", "door")
    assert line.receive() == "passed door"
    assert room.call("constructions") == 1
