"""One link, over memory and over a Unix socket."""

from __future__ import annotations

import asyncio
import struct

import msgspec
import pytest

from sourdough.transport.link import Hello, Link
from sourdough.transport.stream import Stream
from sourdough.wire.credit import LINK_WINDOW, STREAM_WINDOW
from sourdough.wire.frames import END, PROTOCOL_VERSION, ResetCode, Type, encode

from .conftest import Pair, Talk


class Wire(asyncio.Transport):
    """A transport whose other side is the test."""

    def __init__(self, protocol) -> None:
        super().__init__()
        self.protocol = protocol
        self.writes: list[bytes] = []
        self.closed = False

    def write(self, data) -> None:
        self.writes.append(bytes(data))

    def close(self) -> None:
        self.closed = True

    def is_closing(self) -> bool:
        return self.closed


def hello(version: int = PROTOCOL_VERSION) -> bytes:
    payload = msgspec.msgpack.encode(Hello(role="host", serial=9))
    return encode(Type.HELLO, 0, version, 0, payload)


def alone(accept=None) -> tuple[Pair, Link, Wire]:
    pair = Pair()
    link = pair.far if accept else pair.near
    wire = Wire(link)
    link.connection_made(wire)
    return pair, link, wire


async def turn() -> None:
    await asyncio.sleep(0)
    await asyncio.sleep(0)


async def test_hello_goes_both_ways_first(joined):
    """A link is up when the other side's HELLO has come (invariant D2)."""
    await joined.up()
    assert joined.near.up
    assert joined.near.peer == Hello(role="host", serial=1)
    assert joined.far.peer == Hello(role="gateway", serial=1)


async def test_a_request_and_its_answer(pair):
    """A HEAD opens a stream, a HEAD answers it."""
    asked, answering = await pair.opened(payload=b"question")
    assert pair.payloads == [b"question"]
    pair.far.write(Type.HEAD, END, 204, answering.number, b"answer")
    await asked.ended.wait()
    assert asked.head == (END, 204, b"answer")


@pytest.mark.parametrize("upwards", [True, False])
async def test_ten_megabytes_flow_to_a_slow_reader_in_bounds(pair, upwards):
    """What a reader has not taken never exceeds the stream's window (invariant D5)."""
    pair.make = lambda: Talk(taking=not upwards)
    near, far = await pair.opened(Talk(taking=upwards), end=False)
    sender, reader = (near, far) if upwards else (far, near)
    reader.taking = False
    body = bytes(range(256)) * 40_960
    sender.send_body(body, True)
    assert sender.blocked

    while not reader.ended.is_set():
        await pair.until(lambda: reader.untaken or reader.ended.is_set())
        reader.take()
    reader.take()
    assert reader.body == body
    assert reader.most_untaken <= STREAM_WINDOW
    assert sender.writable == 1
    assert not sender.blocked


async def test_a_stalled_reader_stalls_its_own_stream_only(pair):
    """Other streams of the link flow on (invariant D5)."""
    pair.make = lambda: Talk(taking=False)
    stalled, _ = await pair.opened(end=False)
    stalled.send_body(bytes(1024 * 1024), True)
    pair.make = Talk
    quick, reader = await pair.opened(end=False)
    quick.send_body(b"x" * 1024 * 1024, True)
    await reader.ended.wait()
    assert len(reader.body) == 1024 * 1024
    assert stalled.blocked


async def test_a_starved_link_wakes_every_stream_that_waits(pair):
    """When credit of the link comes back, all streams go on."""
    first, one = await pair.opened(end=False)
    second, two = await pair.opened(end=False)
    one.taking = two.taking = False
    pair.near.send_credit.available = 0
    size = STREAM_WINDOW
    assert not first.send_body(b"a" * size, True)
    assert not second.send_body(b"b" * size, True)
    pair.far.grant(0, LINK_WINDOW)
    await pair.until(lambda: one.ended.is_set() and two.ended.is_set())
    assert (one.untaken, two.untaken) == (size, size)
    assert first.writable == second.writable == 1


async def test_readers_that_take_nothing_cannot_stall_a_link(pair):
    """They use the link's credit up; a body for somebody else still arrives (invariant D5)."""
    pair.make = lambda: Talk(taking=False)
    for _ in range(LINK_WINDOW // STREAM_WINDOW):
        stalled, reader = await pair.opened(end=False)
        stalled.send_body(bytes(2 * STREAM_WINDOW), True)
        await pair.until(lambda reader=reader: reader.untaken == STREAM_WINDOW)
    assert pair.near.send_credit.available == 0

    pair.make = Talk
    quick, reader = await pair.opened(end=False)
    quick.send_body(b"x" * 1024 * 1024, True)
    await reader.ended.wait()
    assert len(reader.body) == 1024 * 1024
    assert pair.near.send_credit.available < 0


async def test_link_credit_comes_back_from_streams_that_ended_early(pair):
    """What nobody will read any more counts as read: a link never runs dry (invariant D5)."""
    pair.make = lambda: Talk(taking=False)
    for _ in range(LINK_WINDOW // STREAM_WINDOW + 50):
        stream, reader = await pair.opened(end=False)
        stream.send_body(bytes(STREAM_WINDOW), False)
        await pair.until(lambda reader=reader: reader.untaken == STREAM_WINDOW)
        reader.reset(ResetCode.CANCELLED)
        await stream.ended.wait()
    assert pair.near.send_credit.available > 0
    assert not pair.near.streams
    assert not pair.far.streams


async def test_a_reset_ends_the_stream_on_the_other_side(pair):
    """Code and sentence arrive; both sides forget the stream."""
    asked, answering = await pair.opened()
    answering.reset(ResetCode.FAILED, "no luck")
    await asked.ended.wait()
    assert asked.reset_with == (ResetCode.FAILED, "no luck")
    assert asked.link is None
    assert not pair.near.streams
    assert not pair.far.streams


async def test_a_stream_given_up_in_the_turn_it_was_opened_is_ended_there_too(pair):
    """A reset never overtakes its own HEAD, although control frames go first."""
    stream = Talk()
    pair.near.open(stream, b"head", False)
    stream.reset(ResetCode.CANCELLED, "changed my mind")
    await pair.until(lambda: pair.accepted and pair.accepted[0].ended.is_set())
    assert pair.accepted[0].reset_with == (ResetCode.CANCELLED, "changed my mind")
    assert not pair.far.streams


async def test_a_stream_whose_handler_raises_ends_alone(pair, caplog):
    """The fault stays in its stream; the other side is told, the link lives on."""

    class Faulty(Talk):
        def on_body(self, chunk, end):
            raise RuntimeError("a defect")

    pair.make = Faulty
    stream, _ = await pair.opened(end=False)
    stream.send_body(b"x", True)
    await stream.ended.wait()
    assert stream.reset_with == (ResetCode.FAILED, "internal error")
    assert "a defect" in caplog.text
    pair.make = Talk
    await pair.opened()
    assert pair.near.up


async def test_who_waits_for_a_stream_whose_handler_raises_hears_of_it(pair):
    """A fault while the answer is taken in must not leave the caller waiting."""

    class Faulty(Talk):
        def on_head(self, flags, status, payload):
            raise RuntimeError("a defect")

    asked, answering = await pair.opened(Faulty())
    pair.far.write(Type.HEAD, END, 200, answering.number, b"")
    await asked.ended.wait()
    assert asked.reset_with == (ResetCode.FAILED, "internal error")


async def test_an_event_that_cannot_be_taken_is_refused_alone(pair, caplog):
    """A fault in accept() is answered with a reset."""

    def refuse():
        raise RuntimeError("a defect")

    pair.make = refuse
    stream = Talk()
    pair.near.open(stream, b"head", True)
    await stream.ended.wait()
    assert stream.reset_with[0] == ResetCode.FAILED
    assert pair.near.up


async def test_dropping_a_link_loses_what_was_delivered(pair):
    """Streams whose HEAD was written are lost: it may have run (invariant D1)."""
    asked, answering = await pair.opened()
    pair.near.drop()
    assert asked.lost is True
    await answering.ended.wait()
    assert answering.lost is True
    assert pair.downs[0] is pair.near
    await pair.until(lambda: len(pair.downs) == 2)


async def test_dropping_a_link_gives_back_what_was_never_written(pair):
    """A stream opened in this very turn was not delivered (invariant D1)."""
    delivered, _ = await pair.opened()
    fresh = Talk()
    pair.near.open(fresh, b"head", True)
    pair.near.drop()
    assert delivered.lost is True
    assert fresh.lost is False
    await turn()
    assert len(pair.accepted) == 1


async def test_a_link_leaves_every_table_before_its_streams_fail(pair):
    """An event sent again from on_lost() must not find the dead link."""
    order = []

    class Watching(Talk):
        def on_lost(self, delivered):
            order.append(("lost", len(pair.downs)))

    await pair.opened(Watching())
    pair.near.drop()
    assert order == [("lost", 1)]


async def test_a_retired_link_closes_with_its_last_stream(pair):
    """No new streams; what is in flight ends first."""
    asked, answering = await pair.opened()
    pair.near.retire()
    await turn()
    assert pair.near.up
    pair.far.write(Type.HEAD, END, 200, answering.number, b"")
    answering.close()
    await asked.ended.wait()
    asked.close()
    await pair.until(lambda: len(pair.downs) == 2)


async def test_a_retired_link_without_streams_closes_at_once(pair):
    """Nothing holds it open."""
    pair.near.retire()
    await pair.until(lambda: len(pair.downs) == 2)


async def test_a_link_that_is_dropped_while_it_is_made_closes_and_says_nothing():
    """Nobody knows it any more: it would stay open, or write to a connection given up with it."""
    link = Pair().near
    link.drop()
    wire = Wire(link)
    link.connection_made(wire)
    await turn()
    assert wire.closed
    assert wire.writes == []


async def test_frames_of_one_turn_leave_in_one_write_control_first():
    """One system call for a turn; credit and resets overtake data (invariant D5)."""
    _, link, wire = alone()
    await turn()
    link.data_received(hello())
    wire.writes.clear()
    link.open(Talk(), b"one", True)
    link.open(Talk(), b"two", True)
    link.grant(0, 5)
    await turn()
    assert wire.writes == [
        encode(Type.CREDIT, 0, 0, 0, struct.pack("!I", 5))
        + encode(Type.HEAD, END, 0, 1, b"one")
        + encode(Type.HEAD, END, 0, 2, b"two")
    ]


@pytest.mark.parametrize(
    "data",
    [
        hello(PROTOCOL_VERSION + 1),
        encode(Type.HELLO, 0, PROTOCOL_VERSION, 0, b"\xff"),
        encode(Type.HEAD, END, 0, 1, b"too early"),
        encode(Type.CREDIT, 0, 0, 0, struct.pack("!I", 5)),
        hello() + hello(),
        hello() + encode(99, 0, 0, 0),
        hello() + encode(Type.CREDIT, 0, 0, 0, b"abc"),
        hello() + struct.pack("!IBBHI", 1 << 30, Type.DATA, 0, 0, 1),
    ],
    ids=[
        "another version", "unreadable hello", "stream before hello", "frame before hello",
        "second hello", "unknown type", "malformed credit", "giant frame",
    ],
)  # fmt: skip
async def test_nonsense_drops_the_link(data):
    """A peer that breaks the protocol is not listened to any further."""
    pair, link, wire = alone(accept=True)
    await turn()
    link.data_received(data)
    assert wire.closed
    assert pair.downs == [link]
    assert not pair.accepted


async def test_answers_to_forgotten_streams_are_ignored_and_paid_for():
    """Late frames of a stream that was given up cost the link nothing."""
    _, link, wire = alone()
    link.data_received(hello())
    link.data_received(encode(Type.HEAD, END, 200, 77, b""))
    for _ in range(LINK_WINDOW // 2 // 65_536):
        link.data_received(encode(Type.DATA, 0, 0, 77, bytes(65_536)))
    await turn()
    credit = encode(Type.CREDIT, 0, 0, 0, struct.pack("!I", LINK_WINDOW // 2))
    assert credit in b"".join(wire.writes)
    assert not wire.closed


async def test_stream_numbers_wrap_without_zero():
    """Number 0 means the link itself; a stream never gets it."""
    _, link, _ = alone()
    link.data_received(hello())
    link._next_stream = 0xFFFFFFFF
    first, second = Stream(), Stream()
    link.open(first, b"", True)
    link.open(second, b"", True)
    assert (first.number, second.number) == (0xFFFFFFFF, 1)


async def test_a_request_of_the_turn_that_retires_its_link_is_answered(pair):
    """GOAWAY is a control frame and goes first; the far side must not close on it (D6)."""
    asked = Talk()
    pair.near.open(asked, b"head", True)
    pair.near.retire()
    await pair.until(lambda: len(pair.accepted) == 1)
    (answering,) = pair.accepted
    pair.far.write(Type.HEAD, END, 200, answering.number, b"")
    answering.close()
    await asked.ended.wait()
    asked.close()
    await pair.until(lambda: len(pair.downs) == 2)
