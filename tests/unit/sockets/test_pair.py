"""Two ends in one process: what is said on one is heard on the other."""

from __future__ import annotations

import asyncio
import gc

import pytest

from sourdough.errors import WebSocketClosedError, WebSocketError
from sourdough.http import Request, Response
from sourdough.sockets import RelayedWebSocket, WebSocket, WebSocketPair
from sourdough.wire.sockets import Closed, Message, Opened


@pytest.fixture
def ends():
    pair = WebSocketPair()
    for end in pair:
        end.accept()
    return pair


class Taken:
    """A line that remembers how much was taken."""

    def __init__(self) -> None:
        self.taken_at_once: list[int] = []
        self.posted: list[bytes] = []
        self.closes: list[tuple[int, str]] = []

    def post(self, data, text) -> None:
        self.posted.append(data)

    def close(self, code, reason) -> None:
        self.closes.append((code, reason))

    def attach(self, attachment) -> None:
        raise AssertionError("it does not hibernate")

    def taken(self, count) -> None:
        self.taken_at_once.append(count)


async def turns():
    for _ in range(4):
        await asyncio.sleep(0)


async def test_what_nobody_reads_is_bounded(ends):
    """At the bound the socket ends, for both sides; what has come can still be read (W5)."""
    sender, silent = ends
    message = bytes(8 * 1024 * 1024)
    for _ in range(12):
        sender.send(message)
    end = await sender.wait_closed()
    assert (end.code, sender.ready_state, silent.ready_state) == (1013, 3, 3)
    assert len([each async for each in silent]) == 8


async def test_what_waits_for_the_other_end_is_bounded():
    """Before that is taken there is no reader at all; who takes it then finds it ended (W5)."""
    sender, late = WebSocketPair()
    sender.accept()
    message = bytes(8 * 1024 * 1024)
    for _ in range(7):
        sender.send(message)
    assert sender.ready_state == WebSocket.OPEN
    sender.send(message)
    end = await sender.wait_closed()
    assert (end.code, end.reason) == (1013, "nobody reads what is sent")
    sender.send("dropped")
    late.accept()
    assert (await late.wait_closed()).code == 1006


async def test_messages_that_are_read_make_room(ends):
    """The bound is one of what waits, not of what has passed."""
    sender, reader = ends
    for _ in range(12):
        sender.send(bytes(8 * 1024 * 1024))
        assert len(await reader.receive()) == 8 * 1024 * 1024
    assert (sender.ready_state, reader.ready_state) == (1, 1)


async def test_both_directions(ends):
    """semantics 7.1: in order, text and bytes; by name and by index."""
    left, right = ends
    assert (ends[0], ends[1], len(ends)) == (left, right, 2)
    left.send("one")
    left.send(b"two")
    right.send("three")
    assert [await right.receive(), await right.receive()] == ["one", b"two"]
    assert await left.receive() == "three"


async def test_what_is_said_before_the_other_end_is_taken():
    """It waits."""
    left, right = WebSocketPair()
    left.accept()
    left.send("early")
    left.close(1000, "and gone")
    right.accept()
    assert await right.receive() == "early"
    with pytest.raises(WebSocketClosedError, match="1000") as raised:
        await right.receive()
    assert (raised.value.code, raised.value.reason, raised.value.was_clean) == (
        1000, "and gone", True,
    )  # fmt: skip


async def test_the_close_of_one_is_answered_by_the_other(ends):
    """semantics 7.11: both have ended; what one says then is dropped."""
    left = ends[0]
    left.close()
    assert left.ready_state == WebSocket.CLOSING
    left.close(1000, "a second time")
    ended = [await each.wait_closed() for each in ends]
    assert [(each.code, each.reason, each.was_clean) for each in ended] == [(1005, "", True)] * 2
    assert [each.ready_state for each in ends] == [WebSocket.CLOSED] * 2
    for each in ends:
        each.send("dropped")
        each.close()


async def test_sending_behind_ones_own_close(ends):
    """semantics 7.12."""
    ends[0].close(1000)
    with pytest.raises(TypeError, match=r"^Can't call WebSocket send\(\) after close\(\)\.$"):
        ends[0].send("x")


async def test_a_loop_ends_with_the_socket_and_has_had_everything(ends):
    """semantics 7.1."""
    left, right = ends
    for text in "abc":
        left.send(text)
    left.close(1000)
    assert [message async for message in right] == ["a", "b", "c"]


async def test_listeners(ends):
    """semantics 7.1: sync and async, in the order they were added; each once."""
    left, right = ends
    heard = []

    async def late(event):
        heard.append(("async", event.data))

    def early(event):
        heard.append(("sync", event.data))

    right.add_event_listener("message", early)
    right.add_event_listener("message", early)
    right.add_event_listener("message", late)
    left.send("x")
    await turns()
    assert heard == [("sync", "x"), ("async", "x")]
    right.remove_event_listener("message", late)
    right.remove_event_listener("message", late)
    left.send("y")
    await turns()
    assert heard[2:] == [("sync", "y")]
    with pytest.raises(RuntimeError, match="go to its listeners"):
        await right.receive()
    with pytest.raises(ValueError, match="message, close, error, not 'open'"):
        right.add_event_listener("open", early)


async def test_a_listener_gets_what_has_waited_for_it(ends):
    """Nothing is lost between accept() and the first listener."""
    left, right = ends
    left.send("x")
    left.send("y")
    await turns()
    heard = []
    right.add_event_listener("message", lambda event: heard.append(event.data))
    await turns()
    assert heard == ["x", "y"]


async def test_a_listener_that_raises_is_logged(ends, caplog):
    """It concerns no other."""
    left, right = ends
    heard = []

    def broken(event):
        raise ValueError("on purpose")

    right.add_event_listener("message", broken)
    right.add_event_listener("message", lambda event: heard.append(event.data))
    left.send("x")
    await turns()
    assert heard == ["x"]
    assert "on purpose" in caplog.text


async def test_several_readers_get_one_message_each(ends):
    """Also when one of them is cancelled while it is woken."""
    left, right = ends
    readers = [asyncio.create_task(right.receive()) for _ in range(3)]
    await turns()
    left.send("x")
    left.send("y")
    await asyncio.sleep(0)
    readers[0].cancel()
    await turns()
    done = [reader.result() for reader in readers if reader.done() and not reader.cancelled()]
    assert sorted(done) == ["x", "y"]


async def test_credit_is_given_back_as_messages_are_taken():
    """invariant W5: one for one, in portions while more wait."""
    left, right = WebSocketPair()
    right.accept()
    line = Taken()
    right.couple(line)
    for number in range(40):
        right.deliver(Message(1, str(number).encode(), text=True))
    assert line.taken_at_once == []
    for _ in range(40):
        await right.receive()
    assert line.taken_at_once == [16, 16, 8]
    assert left.ready_state == WebSocket.OPEN


async def test_credit_of_listeners_comes_back_when_they_have_ended():
    """invariant W5: a slow listener slows its client down."""
    _, right = WebSocketPair()
    right.accept()
    line, door = Taken(), asyncio.Event()
    right.couple(line)

    async def slow(event):
        await door.wait()

    right.add_event_listener("message", slow)
    right.deliver(Message(1, b"x", text=True))
    await turns()
    assert line.taken_at_once == []
    door.set()
    await turns()
    assert line.taken_at_once == [1]


async def test_an_end_without_another_ends():
    """W1: nobody can ever talk on it."""
    client, server = WebSocketPair()
    server.accept()
    del client
    gc.collect()
    end = await server.wait_closed()
    assert (end.code, end.was_clean) == (1006, False)


async def test_an_error_comes_before_the_close():
    """semantics 7.10."""
    client, server = WebSocketPair()
    server.accept()
    heard = []
    server.add_event_listener("error", lambda event: heard.append(event.error))
    server.add_event_listener("close", lambda event: heard.append(event.code))
    server.deliver(Opened(1, "chat", "x"))
    server.deliver(Closed(1, 1007, "", clean=False, error="invalid UTF-8"))
    server.deliver(Closed(1, 1006, "", clean=False))
    server.deliver(Message(1, b"too late", text=True))
    await turns()
    assert [type(heard[0]), str(heard[0]), heard[1:]] == [WebSocketError, "invalid UTF-8", [1007]]
    assert (server.protocol, server.extensions) == ("chat", "x")
    assert client.use.value == "raw"


async def test_the_owner_is_gone():
    """The other side is told, nobody hears of it here."""
    _, server = WebSocketPair()
    server.accept()
    line = Taken()
    server.couple(line)
    server.abandon(1011, "gone")
    assert line.closes == [(1011, "gone")]
    assert server.ready_state == WebSocket.CLOSED


async def test_only_accepted_ends_are_read():
    """semantics 7.1."""
    client, _ = WebSocketPair()
    for reads in (client.receive, client.wait_closed):
        with pytest.raises(RuntimeError, match=r"must call accept\(\)"):
            await reads()
    with pytest.raises(RuntimeError, match=r"must call accept\(\)"):
        aiter(client)


async def test_an_end_in_a_response():
    """semantics 7.1: it is used once, and is accepted nowhere else."""
    client, server = WebSocketPair()
    response = Response(None, status=101, web_socket=client)
    assert response.web_socket is client
    assert client.answer() is server
    with pytest.raises(RuntimeError, match="already used in a response"):
        client.accept()
    with pytest.raises(TypeError, match="already used in a response"):
        Response(None, status=101, web_socket=client)
    with pytest.raises(TypeError, match="before sending messages"):
        client.send("x")
    server.accept()
    with pytest.raises(TypeError, match=r"in a Response after calling accept\(\)"):
        Response(None, status=101, web_socket=server)


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"status": 101}, "web_socket=client"),
        ({"status": 200, "web_socket": True}, "must have status code 101"),
        ({"web_socket": True}, "must have status code 101"),
        ({"status": 101, "web_socket": True, "body": "x"}, "has no body"),
    ],
)
def test_responses_that_are_no_answer_to_an_upgrade(options, text):
    """semantics 7.1."""
    options = dict(options)
    if "web_socket" in options:
        options["web_socket"] = WebSocketPair()[0]
    with pytest.raises(ValueError, match=text):
        Response(options.pop("body", None), **options)


def test_a_relayed_socket_is_only_passed_on():
    """invariant W1."""
    relayed = RelayedWebSocket()
    response = Response(None, status=101, web_socket=relayed)
    assert response.web_socket is relayed
    for use in (relayed.accept, relayed.close, lambda: relayed.send("x")):
        with pytest.raises(TypeError, match="cannot be used"):
            use()


def test_a_request_keeps_its_capability():
    """invariant W1: also a copy of it."""
    received = Request.received(
        b"GET",
        b"/a?b=c",
        b"10.0.0.1",
        b"host: x\r\nupgrade: websocket\r\n",
        b"body",
        False,
        7,
        2,
        99,
    )
    copy = Request(received)
    assert (copy.socket, copy.method, copy.url, copy.client) == (99, "GET", "http://x/a?b=c", "10.0.0.1")  # fmt: skip
    assert copy.headers["upgrade"] == "websocket"
    changed = Request(copy, method="post", headers={"x-a": "1"}, body=b"other")
    assert (changed.socket, changed.method, changed.headers["x-a"]) == (99, "POST", "1")
    assert changed.url == "http://x/a?b=c"
    assert "upgrade" not in changed.headers
    assert Request("/").socket == 0
    assert received.body_used
    assert not changed.body_used
    received.leave()
    assert changed.left


def test_what_an_end_looks_like():
    """For people."""
    end = WebSocketPair()[0]
    assert repr(end) == "<WebSocket OPEN>"
    end.url = "http://x/"
    assert repr(end) == "<WebSocket OPEN http://x/>"


async def test_attachments_of_any_end(ends):
    """semantics 7.5: a copy each time."""
    end = ends[0]
    assert end.deserialize_attachment() is None
    value = {"a": [1]}
    end.serialize_attachment(value)
    value["a"].append(2)
    first, second = end.deserialize_attachment(), end.deserialize_attachment()
    assert first == second == {"a": [1]}
    assert first is not second
