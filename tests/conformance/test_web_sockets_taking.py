"""How a client's WebSocket comes to an object, and who may not take it (semantics 7.1, 7.2, 7.4)."""

from __future__ import annotations

import json

import pytest

from tests.conformance.world import Thing


@pytest.fixture
def room(world):
    return world.new("ROOM")


@pytest.mark.parametrize("way", ["hibernate", "listen", "iterate"])
def test_messages_come_and_go(room, lines, way):
    """semantics 7.1: by handlers on the class, by listeners, and in a loop; texts and bytes."""
    line = lines.open(room, way)
    assert [line.exchange("text \u00e4"), line.exchange(b"\0bytes")] == ["text \u00e4", b"\0bytes"]
    assert [line.exchange(""), line.exchange(b"")] == ["", b""]


def test_messages_can_be_read_one_by_one(room, lines):
    """semantics 7.1: `await ws.receive()`, and `wait_closed()`."""
    line = lines.open(room, "receive")
    line.send("first")
    assert line.exchange("second") == "first, second"
    assert line.ended() == (1000, "that is all")
    room.world.until(lambda: room.call("told"), [["constructed"], ["closed", 3]])


def test_a_loop_over_messages_ends_with_the_socket(room, lines):
    """semantics 7.1: the loop has had every message by then."""
    line = lines.open(room, "iterate")
    line.send("one")
    line.send("two")
    assert line.close(1000) == (1000, "")
    room.world.until(
        lambda: room.call("without_births"), [["message", "one"], ["message", "two"], ["end", 3]]
    )


@pytest.mark.parametrize("way", ["listen", "iterate"])
def test_an_accepted_socket_keeps_its_object_in_memory(room, lines, way):
    """semantics 7.1, trap 37: listeners and loops are of the instance."""
    line = lines.open(room, way)
    room.world.advance(25)
    assert line.exchange("still there") == "still there"
    assert room.call("constructions") == 1


def test_an_end_can_be_taken_once(room):
    """semantics 7.1: whoever tries again is told why it cannot."""
    accepted, hibernating, twice, other = room.call("accept_refusals")
    assert "if the WebSocket was already accepted via" in accepted
    assert "after enabling hibernation" in hibernating
    assert twice is not None
    assert "its pair has already been accepted or used in a Response" in other


def test_how_many_tags_and_how_long(room):
    """semantics 7.2: ten that differ, each of 256 characters."""
    ten = [f"tag-{number}" for number in range(10)]
    cases = [[], ["a", "b", "a"], ten, ten * 2, ["x" * 256], [*ten, "one more"], ["y" * 257]]
    *fine, many, long = room.call("tag_refusals", *cases)
    assert fine == [[], ["a", "b"], ten, ten, ["x" * 256]]
    assert "a Hibernatable WebSocket cannot have more than 10 tags" in many
    assert "is longer than the max tag length (256 characters)" in long


def test_sockets_without_tags(room):
    """semantics 7.4: only those that hibernate have them."""
    plain, fresh = room.call("untagged")
    assert "only hibernatable websockets can have tags" in plain
    assert "before attempting to access the tags of a WebSocket" in fresh


def test_tags_of_a_socket(room, lines):
    """semantics 7.4."""
    lines.open(room, "hibernate", tag=["b", "a", "b"])
    assert room.call("tags_of_all") == [["a", "b"]]


def test_what_is_sent_before_the_answer_arrives_behind_it(room, lines):
    """semantics 7.14: in order, and before what comes later."""
    line = lines.open(room, "hibernate", first=["one", "two"])
    assert line.exchange("three") == "one"
    assert line.receives(2) == ["two", "three"]


def test_sending_before_accepting_raises(room, lines):
    """semantics 7.12."""
    lines.open(room, "unaccepted")
    [told] = room.call("without_births")
    assert "accept" in told[0]
    assert "before sending messages" in told[0]


def test_the_answer_is_made_of_what_the_object_says(room, lines):
    """semantics 7.16: headers and the chosen protocol reach the client."""
    line = lines.open(room, "protocol", subprotocols=["chat.v1", "chat.v2"])
    assert line.subprotocol == "chat.v2"
    assert line.response.headers["x-room"] == room.name
    path, protocol, extensions, state, tags = line.value("describe")
    assert path == f"room/{room.name}/protocol"
    assert [protocol, extensions, state, tags] == ["chat.v2", "", 1, []]


@pytest.mark.parametrize(
    ("way", "status", "body"), [("refuse", 404, b"no seat"), ("plain", 200, b"as any request")]
)
def test_an_upgrade_may_be_answered_otherwise(room, lines, way, status, body):
    """semantics 7.1: the client gets that answer, its connection is one of HTTP."""
    line = lines.open(room, way, refused=True)
    assert (line.refused.status_code, line.refused.body) == (status, body)
    assert room.call("ids") == []


def test_a_socket_that_is_refused_after_all_ends(room, lines):
    """W1, semantics 7.1: the object had taken it, the client got an error: one close event."""
    assert lines.open(room, "never", refused=True).refused.status_code == 500
    room.world.until(lambda: room.call("ids"), [])


def test_101_needs_a_socket(room, lines):
    """semantics 7.1: there is nobody who could talk."""
    line = lines.open(room, "bare", refused=True)
    assert line.refused.status_code == 200
    assert b"web_socket" in line.refused.body
    assert room.call("answers_101", with_socket=True) is None
    assert room.call("answers_101", with_socket=False).startswith("ValueError")


def test_101_to_whoever_asked_for_no_upgrade(room):
    """semantics 7.1: is an error of the handler; the client gets a 500."""
    answer = room.request("GET", "hibernate")
    assert answer.status == 500
    room.world.until(lambda: room.call("ids"), [])


def test_a_client_that_leaves_before_the_answer(room, lines):
    """W1, semantics 7.1: the object that takes it gets its one close event, 1006."""
    line = lines.open(room, "late", wait=False)
    room.world.until(lambda: room.call("without_births"), [["waits"]])
    line.drop()
    room.call("opens", "late")
    ended = ["close", 1006, "WebSocket disconnected without sending Close frame.", False]
    room.world.until(lambda: room.call("without_births"), [["waits"], ended])
    assert room.call("ids") == []


def test_an_answer_that_comes_late(room, lines):
    """W1, semantics 7.1: a client that waits is taken; what it sent meanwhile is not lost."""
    line = lines.open(room, "late", wait=False)
    room.world.until(lambda: room.call("without_births"), [["waits"]])
    room.call("opens", "late")
    line.handshake()
    assert line.exchange("here") == "here"


def test_a_reset_before_the_answer(room, lines):
    """semantics 3.11, 7.14: the client gets an error instead of the 101, and no message."""
    line = lines.open(room, "gone", refused=True)
    assert line.refused.status_code in {500, 503}
    assert room.call("ids") == []
    assert room.call("value", "never") is None


@pytest.mark.parametrize("path", ["via/{}/hibernate", "room/{other}/relay?to={}"])
def test_the_answer_may_be_handed_on(world, room, lines, path):
    """W1, semantics 7.1: by the entrypoint, and by another object; the room talks to the client itself."""
    other = world.new("ROOM")
    line = lines.at(path.format(room.name, other=other.name))
    assert line.exchange("to the room") == "to the room"
    assert room.call("without_births") == [["message", "to the room"]]
    assert other.call("ids") == []
    assert line.close(3000, "enough") == (3000, "enough")
    world.until(lambda: room.call("without_births")[-1], ["close", 3000, "enough", True])


def test_who_hands_on_drops_out_of_the_path(world, room, lines):
    """W1, semantics 7.1: whatever becomes of it then, the socket stays."""
    other = world.new("ROOM")
    line = lines.at(f"room/{other.name}/relay?to={room.name}")
    assert other.fails("aborts").durable_object_reset
    assert line.exchange("still here") == "still here"


def test_the_entrypoint_may_take_a_client_itself(world, lines):
    """semantics 7.1: by `accept`, for as long as its request's context lives."""
    line = lines.at(f"own/{world.name()}")
    assert [line.exchange("one"), line.exchange(b"two")] == ["one", b"two"]
    assert line.close(1000) == (1000, "")


@pytest.mark.parametrize("way", ["bridge", "dial"])
def test_a_socket_of_ones_own_into_an_object(world, room, lines, way):
    """semantics 2.1, 7.1: by a stub's request for an upgrade, and by `connect` as any client."""
    line = lines.at(f"{way}/{room.name}")
    assert line.exchange("through two sockets") == "through two sockets"
    line.close(1000)
    ended = ["close", 1000, "the client left", True]
    world.until(lambda: room.call("without_births")[-1], ended)


def test_a_class_without_handlers(world, lines):
    """semantics 7.8: what happens on its sockets is ignored, the socket works."""
    deaf = world.new("DEAF")
    line = lines.open(deaf, "any")
    line.send("unheard")
    deaf.call("sends", "said")
    assert line.receive() == "said"
    assert line.close(1000) == (1000, "")
    world.until(lambda: deaf.call("sockets"), 0)


def test_the_object_of_the_route_is_the_one(world, lines):
    """semantics 2.1: its name is known to it, as by any request."""
    room = world.new("ROOM")
    line = lines.open(room, "hibernate", id="first")
    assert json.loads(json.dumps(Thing(world, "ROOM", room.name).call("ids"))) == ["first"]
    assert line.value("describe")[0] == f"room/{room.name}/hibernate?id=first"
