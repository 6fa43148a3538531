"""Hibernating WebSockets of an object: taking them, hearing of them, their end (semantics 7)."""

from __future__ import annotations

import gc
import logging

import pytest

from sourdough.http import Response
from sourdough.objects.durable_object import DurableObject
from sourdough.sockets import WebSocket, WebSocketPair
from sourdough.wire.sockets import Bind
from tests.integration.objects.gateways import Gateways
from tests.integration.objects.rooms import numbers, turns

# --- taking


async def test_the_gateway_is_told_who_has_taken_the_client(gateways, world):
    """invariant W1: key, name, tags and the URL, before anything is said."""
    number = await gateways.open("/chat?tag=x&tag=y&tag=x&first=hello")
    await turns()
    bind, *_ = gateways.told
    assert bind == Bind(
        number, hibernates=True, key=world.key(), name=b"a", tags=("x", "y"),
        url="http://x/chat?tag=x&tag=y&tag=x&first=hello",
    )  # fmt: skip
    assert gateways.to(number) == ["hello"]


async def test_a_client_that_wants_no_socket(gateways, inside):
    """semantics 7.1: is an error of the handler, and the object has no socket."""
    with pytest.raises(TypeError, match="did not contain the header"):
        await gateways.ask(socket=0)
    await turns()
    assert await inside(numbers) == []
    assert gateways.told == []


async def test_an_end_that_nobody_will_use_ends(gateways, room, inside):
    """W1: the answer was another one: a close event, and it is listed no more."""
    with pytest.raises(ValueError, match="after all not"):
        await gateways.ask("/fails")
    gc.collect()
    await turns(20)
    assert room.seen == [(1006, "WebSocket disconnected without sending Close frame.", False)]
    assert await inside(numbers) == []


async def test_an_end_is_taken_once(inside):
    """semantics 7.1: each error says why."""

    def refusals(self):
        plain, asleep, half, used = (WebSocketPair() for _ in range(4))
        plain[1].accept()
        self.ctx.accept_web_socket(asleep[1])
        half[0].accept()
        found = []
        for attempt in (
            lambda: self.ctx.accept_web_socket(plain[1]),
            lambda: self.ctx.accept_web_socket(asleep[1]),
            asleep[1].accept,
            lambda: self.ctx.accept_web_socket(half[1]),
            lambda: Response(None, status=101, web_socket=plain[1]),
            lambda: self.ctx.get_tags(plain[1]),
            lambda: self.ctx.get_tags(used[1]),
            lambda: used[1].send("x"),
            used[1].close,
        ):
            try:
                attempt()
            except (RuntimeError, TypeError) as error:
                found.append(str(error))
        return found

    already = (
        "Cannot call `accept_web_socket()` if the WebSocket was already accepted via `accept()`"
    )
    pair_used = (
        "Cannot call `accept_web_socket()` on this WebSocket because its pair has already been"
        " accepted or used in a Response."
    )
    before = (
        "You must call one of accept() or ctx.accept_web_socket() on this WebSocket before sending"
        " messages."
    )
    assert await inside(refusals) == [
        already,
        already,
        "Can't accept() WebSocket after enabling hibernation.",
        pair_used,
        "Can't return WebSocket in a Response after calling accept().",
        "only hibernatable websockets can have tags.",
        "you must call 'accept_web_socket()' before attempting to access the tags of a WebSocket.",
        before,
        before,
    ]


async def test_an_object_has_at_most_so_many(gateways, inside, monkeypatch, world):
    """semantics 7.2."""
    monkeypatch.setattr("sourdough.objects.web_sockets.instance_sockets.MAX_SOCKETS", 2)
    await gateways.open()
    await gateways.open()
    with pytest.raises(RuntimeError, match=r"only .* websockets can be accepted on a single"):
        await gateways.ask()
    assert len(await inside(numbers)) == 2


async def test_the_order_of_the_list(gateways, inside):
    """semantics 7.3: newest first; with a tag oldest first; an unknown tag has none."""
    one = await gateways.open("/?tag=x")
    two = await gateways.open("/?tag=y")
    three = await gateways.open("/?tag=x")
    assert await inside(numbers) == [three, two, one]
    assert await inside(numbers, "x") == [one, three]
    assert await inside(numbers, "z") == []


# --- hearing


async def test_messages_are_heard_as_they_were_sent(gateways, room):
    """semantics 7.8, 7.18: text as str, anything else as bytes."""
    number = await gateways.open()
    await gateways.says(number, "text \u00e9")
    await gateways.says(number, b"\xff")
    assert room.seen == ["text \u00e9", b"\xff"]
    assert gateways.to(number) == room.seen


async def test_one_object_for_one_socket(gateways, room, inside):
    """semantics 7.16: the handler's socket is the one in the list, each time."""
    found = []

    async def message(self, ws, _):
        found.extend([ws, *self.ctx.get_web_sockets()])

    room.steps["message"] = message
    number = await gateways.open()
    await gateways.says(number, "x")
    await gateways.says(number, "y")
    assert len({id(each) for each in found}) == 1


async def test_a_class_without_handlers(world):
    """semantics 7.8: the event is acknowledged and ignored."""

    class Deaf(DurableObject):
        async def fetch(self, request):
            client, server = WebSocketPair()
            self.ctx.accept_web_socket(server)
            return Response(None, status=101, web_socket=client)

        async def count(self):
            return len(self.ctx.get_web_sockets())

    gateways = Gateways(world)
    world.host(Deaf, sockets=gateways.store)
    number = await gateways.open()
    await gateways.says(number, "x")
    await gateways.event(number, "close", code=1000, clean=True)
    assert await world.call("count") == 0


async def test_a_sync_handler_will_do(gateways, room, world):
    """semantics 7.8."""
    room.web_socket_message = lambda self, ws, message: ws.send(message.upper())
    number = await gateways.open()
    await gateways.says(number, "x")
    assert gateways.to(number) == ["X"]


async def test_what_came_is_acknowledged_when_its_handler_has_begun(gateways, room):
    """invariant W3: with what was sent by then; the next message may overtake (semantics 7.9)."""

    async def message(self, ws, text):
        ws.send(f"begins {text}")
        await self.door.wait()
        ws.send(f"ends {text}")

    room.steps["message"] = message
    number = await gateways.open()
    for text in "12":
        told = await gateways.says(number, text)
        assert gateways.to(number)[-1] == f"begins {text}"
        assert told == len(gateways.told)
    room.instances[0].door.set()
    await turns()
    assert gateways.to(number) == ["begins 1", "begins 2", "ends 1", "ends 2"]


async def test_the_acknowledgement_waits_for_the_disk(gateways, room, world):
    """invariant W3: an acknowledged message is never lost with its effects."""

    async def message(self, ws, text):
        await self.ctx.storage.put("k", text)
        ws.send(text)

    room.steps["message"] = message
    number = await gateways.open()
    await gateways.says(number, "first")
    world.disk.go.clear()
    reply = gateways.says(number, "second")
    await turns(20)
    assert not reply.done
    assert gateways.to(number) == ["first"]
    world.disk.go.set()
    await reply
    assert gateways.to(number) == ["first", "second"]
    assert reply.times == 1


async def test_a_handler_that_raises(gateways, room, caplog):
    """semantics 7.10: is logged; what it has sent leaves, the socket lives."""

    async def message(self, ws, text):
        ws.send(text)
        raise ValueError(f"because of {text}")

    room.steps["message"] = message
    number = await gateways.open()
    with caplog.at_level(logging.ERROR):
        await gateways.says(number, "one")
        await gateways.says(number, "two")
    assert gateways.to(number) == ["one", "two"]
    assert [str(each.exc_info[1]) for each in caplog.records] == [
        "because of one",
        "because of two",
    ]
    assert len(room.instances) == 1


async def test_sections_hold_messages_back(gateways, room, inside):
    """semantics 4.1: they enter as any event does."""
    number = await gateways.open()
    await inside(numbers)

    async def section(self):
        await self.ctx.block_concurrency_while(self.door.wait)

    held = inside(section)
    await turns()
    reply = gateways.says(number, "x")
    await turns()
    assert (room.seen, reply.done) == ([], False)
    room.instances[0].door.set()
    await held
    await reply
    assert room.seen == ["x"]


async def test_a_handler_may_take_only_so_long(gateways, room, inside, world, caplog):
    """semantics 7.7: it is cancelled, and said in the log; the socket lives on."""

    async def message(self, ws, text):
        try:
            await self.door.wait()
        finally:
            self.seen.append("left")

    room.steps["message"] = message
    number = await gateways.open()
    await inside(lambda self: self.ctx.set_hibernatable_web_socket_event_timeout(500))
    await gateways.says(number, "x")
    world.clock.advance(0.6)
    await turns(20)
    assert room.seen == ["left"]
    assert "took longer than 500 ms" in caplog.text
    assert await inside(numbers) == [number]


async def test_limits_of_the_event_timeout(inside):
    """semantics 7.7: 0 and None clear it."""

    def tried(self):
        found = []
        for value in (1, 604_800_000, 0, 5, None, 604_800_001, -1):
            try:
                self.ctx.set_hibernatable_web_socket_event_timeout(value)
            except ValueError as error:
                found.append(str(error))
            else:
                found.append(self.ctx.get_hibernatable_web_socket_event_timeout())
        return found

    assert await inside(tried) == [
        1, 604_800_000, None, 5, None, "Event timeout should not exceed 604800000 ms.",
        "Event timeout should not be negative.",
    ]  # fmt: skip


# --- the end


async def test_a_close(gateways, room, inside):
    """semantics 7.10, 7.11: closed in the handler, listed until it has ended."""

    def close(self, ws):
        self.seen.append((ws.ready_state, ws in self.ctx.get_web_sockets()))
        ws.close(1000, "me too")
        ws.send("dropped")

    room.steps["close"] = close
    number = await gateways.open()
    await gateways.event(number, "close", code=3000, reason="bye", clean=True)
    assert room.seen == [(3000, "bye", True), (WebSocket.CLOSED, True)]
    assert gateways.to(number) == []
    assert await inside(numbers) == []


async def test_a_close_whose_handler_fails(gateways, room, inside):
    """semantics 7.10: the socket is gone all the same."""

    def close(self, ws):
        raise ValueError("in the handler")

    room.steps["close"] = close
    number = await gateways.open()
    await gateways.event(number, "close", code=1000, clean=True)
    await turns()
    assert await inside(numbers) == []


async def test_an_error(gateways, room, inside):
    """semantics 7.10: the terminal event of a socket whose client broke the protocol."""
    number = await gateways.open()
    await gateways.event(number, "error", error="invalid UTF-8")
    assert [str(each) for each in room.seen] == ["invalid UTF-8"]
    assert await inside(numbers) == []


async def test_a_close_by_the_object(gateways, room, inside):
    """semantics 7.3, 7.12: it is listed until the client has answered; a second one is ignored."""

    async def message(self, ws, text):
        ws.close(3001, "first")
        ws.close(3002, "second")
        self.seen.append(ws.ready_state)
        with pytest.raises(TypeError, match=r"Can't call WebSocket send\(\) after close\(\)\."):
            ws.send("x")

    room.steps["message"] = message
    number = await gateways.open()
    await gateways.says(number, "x")
    assert gateways.to(number) == [(3001, "first")]
    assert room.seen == [WebSocket.CLOSING]
    assert await inside(numbers) == [number]
    await gateways.event(number, "close", code=3001, reason="first", clean=True)
    assert await inside(numbers) == []
