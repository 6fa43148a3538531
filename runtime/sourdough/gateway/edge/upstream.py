"""What the edge expects of whoever answers requests, and what it tells about each of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import asyncio

    from sourdough.gateway.edge.exchange import Exchange


class Stream(Protocol):
    """The edge's hold on a request that was passed on. None of the calls may raise."""

    def send(self, chunk: bytes, end: bool) -> None:
        """Pass on a piece of the request's body, within the credit given by `on_credit`."""
        ...

    def consumed(self, n: int) -> None:
        """The client took `n` bytes of the answer's body: so many more may come."""
        ...

    def cancel(self) -> None:
        """Nobody waits for the answer any more (invariant D7); further calls are ignored."""
        ...


class Upstream(Protocol):
    """Takes requests; answers through `Exchange.on_head`, `on_data`, `on_credit` and `on_fail`."""

    def open(self, exchange: Exchange) -> Stream:
        """Pass a request on. It may be answered before this returns."""
        ...


class Client(Protocol):
    """A connection, whatever it speaks, as the listener sees it."""

    def drain(self) -> None:
        """Come to an end: no more is accepted."""
        ...

    def abort(self) -> None:
        """Drop the connection."""
        ...


class Successor(Client, Protocol):
    """Takes a connection over that has switched protocols; it is its asyncio protocol."""

    def connection_made(self, transport: asyncio.Transport) -> None: ...

    def data_received(self, data: bytes) -> None: ...


class Finished(Protocol):
    """Learns of the end of each request, exactly once, also of those the edge itself answered."""

    def __call__(
        self, exchange: Exchange, status: int, seconds: float, error: str | None, /
    ) -> None: ...
