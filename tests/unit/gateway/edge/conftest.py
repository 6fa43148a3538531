"""A client without sockets: bytes in, bytes out, against an upstream that the test plays itself."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

import pytest

from sourdough.gateway.edge import Edge, EdgeLimits, Exchange, Failure
from sourdough.gateway.edge.connection import Connection


class TestClock:
    """Time that stands still until it is told."""

    __test__ = False

    def __init__(self) -> None:
        self.seconds = 1_000.0

    def now(self) -> float:
        return 1_700_000_000.0 + self.seconds

    def monotonic(self) -> float:
        return self.seconds


@dataclass
class TwinStream:
    """What the edge did with one request after it was opened."""

    exchange: Exchange
    sent: list[tuple[bytes, bool]] = field(default_factory=list)
    consumed_bytes: int = 0
    cancelled: bool = False

    def send(self, chunk: bytes, end: bool) -> None:
        self.sent.append((chunk, end))

    def consumed(self, n: int) -> None:
        self.consumed_bytes += n

    def cancel(self) -> None:
        self.cancelled = True

    @property
    def received(self) -> bytes:
        return b"".join(chunk for chunk, _ in self.sent)

    @property
    def ended(self) -> bool:
        return bool(self.sent) and self.sent[-1][1]


class TwinUpstream:
    """Keeps requests for the test to answer, or answers each at once with `answer`."""

    def __init__(self) -> None:
        self.streams: list[TwinStream] = []
        self.answer = None

    def open(self, exchange: Exchange) -> TwinStream:
        stream = TwinStream(exchange)
        self.streams.append(stream)
        if self.answer is not None:
            self.answer(exchange)
        return stream


class FakeTransport:
    """A transport that is as strict as uvloop's: writing after the end raises."""

    def __init__(self, peer: object) -> None:
        self.peer = peer
        self.written = bytearray()
        self.writes = 0
        self.closed = False
        self.aborted = False
        self.half_closed = False
        self.reading = True

    def get_extra_info(self, name: str) -> object:
        return self.peer if name == "peername" else None

    def write(self, data: bytes) -> None:
        if self.closed or self.half_closed:
            raise RuntimeError("the handler is closed")
        self.written += data
        self.writes += 1

    def is_closing(self) -> bool:
        return self.closed

    def close(self) -> None:
        self.closed = True

    def abort(self) -> None:
        self.closed = self.aborted = True

    def write_eof(self) -> None:
        self.half_closed = True

    def pause_reading(self) -> None:
        assert self.reading
        self.reading = False

    def resume_reading(self) -> None:
        assert not self.reading
        self.reading = True


class Client:
    """One connection, from the client's side."""

    def __init__(self, edge: Edge, upstream: TwinUpstream, peer: object) -> None:
        self.upstream = upstream
        self.transport = FakeTransport(peer)
        self.connection = Connection(edge)
        self.connection.connection_made(self.transport)

    def send(self, *pieces: bytes) -> None:
        for piece in pieces:
            if not self.transport.closed:
                self.connection.data_received(piece)

    def leave(self) -> None:
        self.transport.closed = True
        self.connection.connection_lost(None)

    def take(self) -> bytes:
        """Return what was received since the last call, without the Date, which has its test."""
        data, self.transport.written = bytes(self.transport.written), bytearray()
        return re.sub(rb"date: [^\r]*GMT\r\n", b"", data)

    def status(self) -> int:
        """Return the status of the one answer received since the last call."""
        data = self.take()
        assert len(re.findall(rb"HTTP/1.1 \d", data)) == 1, data
        return int(data[9:12])

    @property
    def over(self) -> bool:
        """The server sends nothing more."""
        return self.transport.closed or self.transport.half_closed

    @property
    def streams(self) -> list[TwinStream]:
        return self.upstream.streams

    @property
    def stream(self) -> TwinStream:
        return self.upstream.streams[-1]

    @property
    def request(self) -> Exchange:
        return self.stream.exchange


class Bench:
    """An edge with everything around it played by the test."""

    failure = Failure

    def __init__(self, *, trusted_proxies: tuple[str, ...] = (), **limits: float) -> None:
        self.clock = TestClock()
        self.upstream = TwinUpstream()
        self.finished: list[tuple[Exchange, int, float, str | None]] = []
        self.edge = Edge(
            upstream=self.upstream,
            clock=self.clock,
            on_finished=lambda *told: self.finished.append(told),
            limits=EdgeLimits(**limits),
            prefix="g1-",
            trusted_proxies=trusted_proxies,
        )

    def connect(self, peer: object = ("192.0.2.7", 5555)) -> Client:
        return Client(self.edge, self.upstream, peer)

    def echo(self) -> None:
        """Answer every request at once with its target."""
        self.upstream.answer = lambda e: e.on_head(200, b"x-path: %b\r\n" % e.target, b"", True)

    def wait(self, seconds: float) -> None:
        """Let time pass, tick by tick."""
        for _ in range(int(seconds)):
            self.clock.seconds += 1
            self.edge.tick()

    @property
    def statuses(self) -> list[int]:
        return [status for _, status, _, _ in self.finished]


@pytest.fixture
def bench() -> Bench:
    return Bench()


@pytest.fixture
def make_bench() -> type[Bench]:
    return Bench


@pytest.fixture
def client(bench: Bench) -> Client:
    return bench.connect()
