"""How WebSockets end, and that an object hears of it exactly once (semantics 7.10 - 7.13, trap 35)."""

from __future__ import annotations

import os

import pytest

DROPPED = ["close", 1006, "WebSocket disconnected without sending Close frame.", False]
IDLE_SECONDS = 200


@pytest.fixture(params=["hibernate", "listen"])
def way(request):
    """Handlers on the class, and listeners of an accepted socket."""
    return request.param


@pytest.fixture
def room(world):
    return world.new("ROOM")


def ends(room) -> list:
    """Return what the object was told of ends."""
    return [each for each in room.call("told") if each[0] in {"close", "error"}]


def one_end(room, expected: list) -> None:
    """The end comes, and stays the only one whatever time passes."""
    room.world.until(lambda: ends(room), [expected])
    room.world.advance(IDLE_SECONDS)
    assert ends(room) == [expected]
    assert room.call("ids") == []


def one_error(room, way: str) -> None:
    """What went wrong is told once; to listeners the close as well, as browsers do."""
    expected = ["error"] if way == "hibernate" else ["error", "close"]
    room.world.until(lambda: [each[0] for each in ends(room)], expected)
    room.world.advance(IDLE_SECONDS)
    assert [each[0] for each in ends(room)] == expected
    assert room.call("ids") == []


def test_a_client_closes(room, lines, way):
    """semantics 7.10, 7.11: its code and reason; the runtime replies by itself."""
    assert lines.open(room, way).close(4321, "g\u00fcnter") == (4321, "g\u00fcnter")
    one_end(room, ["close", 4321, "g\u00fcnter", True])


def test_a_client_closes_without_a_code(room, lines, way):
    """semantics 7.10: 1005 stands for an empty Close frame."""
    assert lines.open(room, way).close() == (1005, "")
    one_end(room, ["close", 1005, "", True])


def test_a_client_drops(room, lines, way):
    """semantics 7.10: 1006, not clean."""
    lines.open(room, way).drop()
    one_end(room, DROPPED)


def test_a_clients_connection_is_reset(room, lines, way):
    """semantics 7.10: as when it drops."""
    lines.open(room, way).reset()
    one_end(room, DROPPED)


def test_a_client_drops_in_the_middle_of_a_message(room, lines, way):
    """semantics 7.10: what came of it is no message."""
    line = lines.open(room, way)
    line.send_bytes(b"\x01\x85" + bytes(4) + b"begin")
    line.send_bytes(b"\x00\x85" + bytes(4) + b"mi")
    line.drop()
    one_end(room, DROPPED)
    assert [each for each in room.call("told") if each[0] == "message"] == []


def test_a_close_and_a_reset_at_once(room, lines, way):
    """semantics 7.10, trap 35: whichever wins, the object hears of one end."""
    line = lines.open(room, way)
    line.begin_close(3000, "race")
    line.reset()
    room.world.until(lambda: len(ends(room)), 1)
    room.world.advance(IDLE_SECONDS)
    assert ends(room) in ([["close", 3000, "race", True]], [DROPPED])


@pytest.mark.parametrize(
    ("frame", "code"),
    [
        (b"\x81\x05naked", 1002),  # not masked
        (b"\xc1\x85" + bytes(4) + b"ext..", 1002),  # a bit that no extension asked for
        (b"\x83\x80" + bytes(4), 1002),  # an opcode that nobody knows
        (b"\x81\x82" + bytes(4) + b"\xc3\x28", 1007),  # no UTF-8
    ],
    ids=["unmasked", "reserved bit", "opcode", "utf-8"],
)
def test_a_client_breaks_the_protocol(room, lines, way, frame, code):
    """semantics 7.10: the client is told by its code, the object by one error."""
    line = lines.open(room, way)
    line.send_bytes(frame)
    assert line.ended()[0] == code
    one_error(room, way)


def test_an_object_closes(room, lines):
    """semantics 7.10, 7.13: its code and reason; the client's reply is the end."""
    line = lines.open(room, "hibernate")
    line.ask("close", 3001, "from the object")
    assert line.ended() == (3001, "from the object")
    one_end(room, ["close", 3001, "from the object", True])


def test_an_object_closes_without_a_code(room, lines):
    """semantics 7.13: an empty Close frame."""
    line = lines.open(room, "hibernate")
    line.ask("close")
    assert line.ended() == (1005, "")
    one_end(room, ["close", 1005, "", True])


def test_both_close_at_once(room, lines):
    """semantics 7.10, trap 35: neither waits for the other."""
    line = lines.open(room, "hibernate")
    line.ask("close", 3001, "of the object")
    line.begin_close(3002, "of the client")
    line.ended()
    room.world.until(lambda: len(ends(room)), 1)
    room.world.advance(IDLE_SECONDS)
    assert len(ends(room)) == 1
    assert ends(room)[0][0] == "close"


def test_a_client_that_does_not_answer_a_close(room, lines):
    """semantics 7.10: it has time; then its connection is cut, and the object hears of it."""
    line = lines.open(room, "hibernate", id="mute")
    room.call("closes", 3001, "unheard")
    assert room.call("ids") == ["mute"]
    room.world.advance(IDLE_SECONDS)
    room.world.until(lambda: len(ends(room)), 1)
    assert room.call("ids") == []
    line.drop()
    assert len(ends(room)) == 1


def test_a_socket_is_listed_until_its_client_has_closed(room, lines):
    """semantics 7.3: closing our side is not the end."""
    line = lines.open(room, "hibernate", id="closing")
    room.call("closes", 1000, "bye")
    assert [room.call("ids"), room.call("states")] == [["closing"], [2]]
    assert line.ended() == (1000, "bye")
    room.world.until(lambda: room.call("ids"), [])


def test_only_the_first_close_counts(room, lines):
    """semantics 7.12: and sending behind it raises."""
    line = lines.open(room, "hibernate")
    line.ask("close_twice")
    assert line.ended() == (3001, "first")
    room.world.until(lambda: len(ends(room)), 1)
    told = room.call("without_births")
    assert ["Can't call WebSocket send() after close()."] in told


def test_inside_the_handler_of_a_close(room, lines):
    """semantics 7.11, 7.12: the socket is closed; closing and sending do nothing, and no harm."""
    line = lines.open(room, "hibernate")
    assert line.close(1000, "look") == (1000, "look")
    room.world.until(lambda: room.call("without_births")[1:2], [["state", 3, True]])


def test_a_handler_of_a_close_that_fails(room, lines):
    """semantics 7.10: the socket leaves all the same."""
    lines.open(room, "hibernate").close(1000, "raise")
    one_end(room, ["close", 1000, "raise", True])
    assert room.call("constructions") >= 1


def test_what_a_close_may_say(room, lines):
    """semantics 7.13."""
    line = lines.open(room, "hibernate")
    wrong = [999, 1004, 1005, 1006, 1015, 5000, 0]
    calls = [["close", code, "why"] for code in wrong]
    refused = line.value(
        "refusals", *calls, ["close", None, "reason"], ["close", 1000, "\u00e4" * 62]
    )
    for code, text in zip(wrong, refused, strict=False):
        assert f"Invalid WebSocket close code: {code}" in text
    assert all(refused[len(wrong) :])
    assert line.exchange("open as before") == "open as before"
    line.ask("close", 4999, "\u00e4" * 61)
    assert line.ended() == (4999, "\u00e4" * 61)


def test_what_can_be_sent(room, lines):
    """semantics 7.12: texts and bytes."""
    line = lines.open(room, "hibernate")
    refused = line.value("refusals", ["send", 5], ["send", None], ["send", ["a"]])
    assert [each.partition(":")[0] for each in refused] == ["TypeError"] * 3


def test_sending_to_a_client_that_left(room, lines):
    """semantics 7.12: is dropped without a word."""
    first, second = lines.open(room, "hibernate", id="1"), lines.open(room, "hibernate", id="2")
    first.drop()
    room.call("sends", "to both")
    assert second.receive() == "to both"
    one_gone = [DROPPED]
    room.world.until(lambda: ends(room), one_gone)
    room.call("sends", "to who is left")
    assert second.receive() == "to who is left"
    assert room.call("ids") == ["2"]


def test_messages_come_before_the_end(room, lines, way):
    """semantics 7.9, 7.10: all of them, then the one close."""
    line = lines.open(room, way)
    texts = [str(number) for number in range(50)]
    for text in texts:
        line.send(text)
    line.begin_close(1000, "last")
    expected = [*(["message", text] for text in texts), ["close", 1000, "last", True]]
    room.world.until(lambda: room.call("without_births"), expected)


def test_a_message_that_is_too_large(room, lines, way):
    """semantics 7.15: 1009; what was sent before it has been heard."""
    line = lines.open(room, way)
    assert line.exchange("before") == "before"
    line.send_bytes(b"\x82\xff" + (3 * 1024 * 1024).to_bytes(8, "big") + os.urandom(4))
    assert line.ended()[0] == 1009
    one_error(room, way)


def test_a_silent_client_is_looked_after(room, lines):
    """semantics 7.8: pings find out whether it is there; without an answer it is gone."""
    line = lines.open(room, "hibernate", id="silent")
    room.world.advance(61)
    room.world.advance(21)
    room.world.until(lambda: ends(room), [DROPPED])
    assert room.call("ids") == []
    line.drop()
