"""A request between the edge and a host, and what a client is told of its failures."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

import pytest

from sourdough.gateway.forward import Forward
from sourdough.gateway.router import Destination
from sourdough.testing import FakeClock
from sourdough.transport.link import Hello
from sourdough.transport.peers import Peers
from sourdough.wire.frames import END, ResetCode
from sourdough.wire.heads import SECURE, RequestHead, encode_answer


@dataclass
class Asked:
    """The edge's side of one request."""

    number: int = 5
    method: bytes = b"POST"
    target: bytes = b"/counter/a?b=c"
    client: str = "192.0.2.1"
    headers: bytes = b"host: x\r\n"
    scheme: str = "https"
    body: bytes = b""
    body_complete: bool = False
    started: float = 1.0
    socket: int = 0
    told: list = field(default_factory=list)

    def on_head(self, status, block, body, end):
        self.told.append((status, block, body, end))

    def on_data(self, chunk, end):
        self.told.append((chunk, end))

    def on_credit(self, amount):
        self.told.append(amount)

    def on_fail(self, failure):
        self.told.append((failure.status, failure.code, failure.retry_after))


class Owner:
    """Who keeps the account of open requests."""

    def __init__(self) -> None:
        self.closed: list[int] = []
        self.notes: dict[int, bytes] = {}

    def answered(self, number: int) -> None:
        self.closed.append(number)

    def note(self, number: int, note: bytes) -> None:
        self.notes[number] = note


KEY = b"Counter" + bytes(32)


def made(**fields) -> tuple[Forward, Asked, Owner]:
    asked, owner = Asked(**fields), Owner()
    return Forward(owner, asked, Destination(KEY, b"a", "Counter")), asked, owner


def test_the_head_says_everything():
    """Who is meant, what is asked, and by whom."""
    forward, _, _ = made(body=b"whole", body_complete=True)
    forward.version, forward.epoch = 3, 4
    head = RequestHead.decode(forward.encode())
    assert (head.key, head.name, head.number, head.version, head.epoch) == (KEY, b"a", 5, 3, 4)
    assert (head.method, head.target, head.client) == (b"POST", b"/counter/a?b=c", b"192.0.2.1")
    assert (head.headers, head.body, head.flags) == (b"host: x\r\n", b"whole", SECURE)


async def test_an_empty_body_that_ends_while_the_event_is_parked_is_not_forgotten():
    """The handler must not wait for a body whose end was said too early to be sent."""
    forward, _, _ = made()
    peers = Peers(
        loop=asyncio.get_running_loop(), hello=Hello(role="gateway", serial=1),
        clock=FakeClock(), connect=lambda *_: None, parked_limit=5, park_seconds=1.0,
    )  # fmt: skip
    peers.send(forward)
    assert forward.body_follows
    forward.send(b"", True)
    assert not forward.body_follows


def test_an_answer_is_passed_on():
    """Whole, or head first and then its body."""
    forward, asked, owner = made()
    forward.on_head(END, 201, encode_answer(b"a: b\r\n", b"body"))
    assert asked.told == [(201, b"a: b\r\n", b"body", True)]
    assert owner.closed == [5]
    forward, asked, owner = made()
    forward.on_head(0, 200, encode_answer(b"", b"", b"ValueError: x\0a.py:1"))
    forward.on_body(b"x", False)
    forward.on_body(b"", True)
    assert asked.told == [(200, b"", b"", False), (b"x", False), (b"", True)]
    assert owner.notes == {5: b"ValueError: x\0a.py:1"}


@pytest.mark.parametrize(
    ("code", "status", "word", "retry_after"),
    [
        (ResetCode.LOST, 503, "host_lost", 1),
        (ResetCode.OVERLOADED, 503, "overloaded", 1),
        (ResetCode.EXPIRED, 503, "no_host", 1),
        (ResetCode.NOT_OWNER, 503, "no_host", 1),
        (ResetCode.FAILED, 500, "cut_short", None),
        (ResetCode.CANCELLED, 500, "cut_short", None),
    ],
)
def test_every_failure_has_an_answer(code, status, word, retry_after):
    """What may be tried again says so (invariant D3)."""
    forward, asked, owner = made()
    forward.on_failed(code, "")
    assert asked.told == [(status, word, retry_after)]
    assert owner.closed == [5]


def test_every_code_is_known():
    """A code of the wire without an answer would leave a client waiting."""
    for code in ResetCode:
        forward, asked, _ = made()
        forward.on_failed(code, "")
        assert len(asked.told) == 1


def test_a_handler_that_takes_too_long_is_a_504():
    """The client is told; the object works on."""
    forward, asked, owner = made()
    forward.timed_out(2.5)
    assert asked.told[0][:2] == (504, "timeout")
    assert owner.closed == [5]
