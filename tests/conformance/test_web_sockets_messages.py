"""Messages: order, gates, copies, sizes, many at once (semantics 7.8, 7.9, 7.14, 7.15, 7.18)."""

from __future__ import annotations

import pytest

MEBIBYTE = 1024 * 1024


@pytest.fixture
def room(world):
    return world.new("ROOM")


@pytest.fixture
def line(room, lines):
    return lines.open(room, "hibernate", id="one")


def test_handlers_get_texts_and_bytes(room, line):
    """semantics 7.8, 7.18: `str` and `bytes`."""
    assert [line.exchange("1"), line.exchange(b"1")] == ["1", b"1"]
    assert room.call("without_births") == [["message", "1"], ["message", [49]]]


def test_frames_are_dispatched_in_order(room, line):
    """semantics 7.9: a thousand at once."""
    texts = [str(number) for number in range(1000)]
    for text in texts:
        line.send(text)
    assert line.receives(1000) == texts
    assert room.call("without_births") == [["message", text] for text in texts]


def test_a_message_in_fragments_is_one(line):
    """semantics 7.9."""
    line.send_fragments("in ", "three ", "parts")
    assert line.receive() == "in three parts"


def test_handlers_of_one_socket_meet_at_awaits(room, line):
    """semantics 7.9: a frame does not wait for the end of the one before it."""
    line.ask("wait", "door")
    assert line.exchange("overtakes") == "overtakes"
    line.ask("open", "door")
    assert line.receive() == "passed door"
    told = room.call("without_births")
    assert told == [["waits", "door"], ["message", "overtakes"], ["passed", "door"]]


def test_handlers_begin_in_order_whatever_they_wait_for(room, line):
    """semantics 7.9: those that take longer end later, and none is begun out of turn."""
    for number in range(100):
        line.ask("yield", number)
    assert sorted(map(int, line.receives(100))) == list(range(100))
    begun = [each[1] for each in room.call("without_births") if each[0] == "begins"]
    assert begun == list(range(100))


def test_sockets_do_not_wait_for_each_other(room, line, lines):
    """semantics 7.9: order is that of one socket."""
    other = lines.open(room, "hibernate")
    line.ask("wait", "door")
    assert other.exchange("mine") == "mine"
    other.ask("open", "door")
    assert line.receive() == "passed door"


def test_sends_keep_their_order(line):
    """semantics 7.14: also those that wait for commits, beside those that do not."""
    for number in range(30):
        line.ask("count" if number % 3 == 0 else "sends", *([] if number % 3 == 0 else ["-"]))
    expected = [str(n // 3 + 1) if n % 3 == 0 else "-" for n in range(30)]
    assert line.receives(30) == expected


def test_a_message_whose_commit_fails_is_never_sent(room, line):
    """semantics 7.14, 4.4.4, 7.17: the client is closed, and that is all it sees."""
    line.ask("sends", "before")
    assert line.receive() == "before"
    line.ask("break_commit")
    assert line.ended()[0] == 1011
    assert line.left == []
    assert room.call("constructions") == 2


def test_what_is_sent_is_what_it_was_at_the_call(line):
    """semantics 7.14: data is copied; any bytes will do."""
    line.ask("mutable")
    assert line.receives(2) == [b"as sent", b"view"]


def test_a_handler_that_raises_closes_nothing(room, line):
    """semantics 7.8: the next frame finds instance and socket as they were."""
    line.ask("raise", "in a handler")
    assert line.receive() == "before the error"
    assert line.exchange("next") == "next"
    assert room.call("constructions") == 1


@pytest.mark.parametrize("size", [125, 126, 65535, 65536, MEBIBYTE, 2 * MEBIBYTE])
def test_messages_of_any_length(line, size):
    """semantics 7.15: both ways, up to the limit."""
    data = bytes(range(256)) * (size // 256) + bytes(size % 256)
    assert line.exchange(data) == data


def test_a_long_message_in_an_accepted_socket(room, lines):
    """semantics 7.15."""
    line = lines.open(room, "iterate")
    text = "\u00e4" * (MEBIBYTE // 2)
    assert line.exchange(text) == text


def test_many_long_messages_pass(line):
    """semantics 7.15: more than may wait anywhere; the reader's pace is kept."""
    data = bytes(256 * 1024)
    for _ in range(4):
        for _ in range(8):
            line.send(data)
        assert [len(each) for each in line.receives(8)] == [len(data)] * 8


def test_a_broadcast_reaches_all(room, line, lines):
    """semantics 7.3: or those with a tag, or all but some."""
    second = lines.open(room, "hibernate", tag=["red"])
    third = lines.open(room, "hibernate", tag=["red", "blue"])
    line.ask("all", "to all")
    line.ask("all", "to the red", "red")
    line.ask("all", "to nobody", "green")
    line.ask("all", "to the others", None, True)
    assert [line.exchange("end"), line.receive()] == ["to all", "end"]
    for each in (second, third):
        each.send("end")
        assert each.before("end") == ["to all", "to the red", "to the others"]


def test_a_broadcast_keeps_its_place_among_sends(room, line, lines):
    """semantics 7.14: per socket there is one order."""
    other = lines.open(room, "hibernate")
    for number in range(20):
        line.ask("sends", f"send {number}")
        line.ask("all", f"all {number}")
    expected = [f"{what} {number}" for number in range(20) for what in ("send", "all")]
    assert line.receives(40) == expected
    assert other.receives(20) == [f"all {number}" for number in range(20)]


def test_callers_may_send_as_well(room, line, lines):
    """semantics 7.3: to a list, or to a part of it by tag."""
    other = lines.open(room, "hibernate", tag=["red"])
    room.call("sends", "to all")
    room.call("sends", "to the red", "red")
    assert [line.receive(), other.receive(), other.receive()] == ["to all", "to all", "to the red"]
    assert line.exchange("end") == "end"


def test_the_handlers_socket_is_the_listed_one(line, lines, room):
    """semantics 7.3: one end is one object, however one came to it."""
    lines.open(room, "hibernate")
    assert sorted(line.value("same")) == [False, True]
    assert line.value("same") == line.value("same")


def test_the_newest_comes_first(room, line, lines):
    """semantics 7.3: and by tag the oldest does; an unknown tag has none."""
    for number in ("two", "three"):
        lines.open(room, "hibernate", id=number, tag=["later"])
    assert room.call("ids") == ["three", "two", "one"]
    assert room.call("ids", "later") == ["two", "three"]
    assert room.call("ids", "unknown") == []


def test_a_slow_reader_slows_nobody(room, line, lines):
    """semantics 7.9: its frames wait for it, those of others go by."""
    slow = lines.open(room, "hibernate")
    for _ in range(20):
        slow.send(bytes(256 * 1024))
    for number in range(20):
        assert line.exchange(str(number)) == str(number)
    assert [len(each) for each in slow.receives(20)] == [256 * 1024] * 20


def test_an_automatic_answer_does_not_overtake(room, line):
    """semantics 7.6, trap 36: it takes its place behind what was sent before it was asked for."""
    line.ask("auto", "ping", "pong")
    assert line.receive() == "set"
    for _ in range(20):
        line.ask("auto_between", 10)
        line.send("ping")
    got = line.receives(20 * 11)
    numbers = [each for each in got if each != "pong"]
    assert numbers == [str(number) for _ in range(20) for number in range(10)]
    assert got.count("pong") == 20


def test_an_attachment_is_a_copy(line):
    """semantics 7.5: what is changed later is not stored; None before there is one."""
    assert line.value("attached") == "one"
    assert line.value("attach", [1, {"b": None}]) == [1, {"b": None}]
    assert line.value("attached") == [1, {"b": None}]
    assert line.value("attach", None) is None


def test_the_size_of_an_attachment(line):
    """semantics 7.5: 16,384 bytes as they are stored."""
    line.ask("attach_bytes", 16_000)
    assert line.receive() == "16000"
    line.ask("attach_bytes", 16_385)
    refused = line.receive()
    assert "cannot be larger than 16384 bytes" in refused
