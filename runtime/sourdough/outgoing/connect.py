"""`sourdough.connect`: a WebSocket to the world outside.

It opens when the commits that the calling object has made so far are durable, as every message on
it waits for those before it. It belongs to who opened it, and ends with that (invariant W2).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sourdough.errors import WebSocketError
from sourdough.outgoing.gate import calling_object, pass_gate
from sourdough.outgoing.socket_line import SocketLine
from sourdough.outgoing.timeouts import CONNECT_SECONDS
from sourdough.sockets import WebSocket

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Mapping

    from websockets.asyncio.client import ClientConnection

_SCHEMES = ("ws://", "wss://")
MESSAGE_BYTES = 32 * 1024 * 1024


def connect(
    url: str,
    *,
    protocols: Iterable[str] = (),
    headers: Mapping[str, str] | None = None,
    timeout: float | None = CONNECT_SECONDS,
) -> Connecting:
    """Open a WebSocket: `ws = await connect(url)`, or `async with connect(url) as ws`.

    url: ws:// or wss://. protocols: subprotocols, the most wanted first. timeout: seconds until the
    handshake is complete; None waits for ever. The socket is accepted already: it sends, and its
    messages go to listeners or readers.

    Raises ValueError for what is no such URL, WebSocketError where no connection comes about.
    """
    if not url.lower().startswith(_SCHEMES):
        raise ValueError(f"connect() takes a URL with ws:// or wss://, not {url!r}")
    return Connecting(url, tuple(protocols), dict(headers or {}), timeout)


class Connecting:
    """A WebSocket to be: awaited once, or entered."""

    __slots__ = ("_headers", "_protocols", "_socket", "_timeout", "_url")

    def __init__(
        self, url: str, protocols: tuple[str, ...], headers: dict[str, str], timeout: float | None
    ) -> None:
        self._url = url
        self._protocols = protocols
        self._headers = headers
        self._timeout = timeout
        self._socket: WebSocket | None = None

    def __await__(self) -> Generator[Any, None, WebSocket]:
        """Return the open socket."""
        return self._open().__await__()

    async def __aenter__(self) -> WebSocket:
        self._socket = await self._open()
        return self._socket

    async def __aexit__(self, *_: object) -> None:
        """Close it, and wait until the other side has answered."""
        assert self._socket is not None
        self._socket.close()
        await self._socket.wait_closed()

    async def _open(self) -> WebSocket:
        await pass_gate(calling_object())
        connection = await self._connected()
        ours = WebSocket()
        ours.url = self._url
        ours.protocol = connection.subprotocol or ""
        ours.extensions = ", ".join(each.name for each in connection.protocol.extensions)
        ours.accept()
        SocketLine.between(ours, connection)
        return ours

    async def _connected(self) -> ClientConnection:
        # Imported when it is needed: 60 ms, and most projects open no socket.
        from websockets.asyncio import client  # noqa: PLC0415
        from websockets.exceptions import InvalidURI, WebSocketException  # noqa: PLC0415

        try:
            return await client.connect(
                self._url,
                subprotocols=list(self._protocols) or None,  # type: ignore[arg-type]
                additional_headers=self._headers,
                user_agent_header="sourdough",
                open_timeout=self._timeout,
                max_size=MESSAGE_BYTES,
            )
        except InvalidURI as error:
            raise ValueError(f"connect() cannot use this URL: {error}") from None
        except (WebSocketException, OSError, TimeoutError) as error:
            reason = str(error) or type(error).__name__
            raise WebSocketError(f"{_named(self._url)} took no WebSocket: {reason}") from error


def _named(url: str) -> str:
    # Without user, password and query: they may be secrets, and this text goes into logs.
    scheme, _, rest = url.partition("://")
    return f"{scheme}://{rest.partition('?')[0].rpartition('@')[2]}"
