"""A client's WebSocket, driven step by step: no threads, no pings of its own, no hidden reads."""

from __future__ import annotations

import json
import socket
import struct
import time
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import urlsplit

from websockets.client import ClientProtocol
from websockets.frames import Frame, Opcode
from websockets.http11 import Response
from websockets.protocol import State
from websockets.uri import parse_uri

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

SECONDS = 10.0
_READ = 65536


class EndedError(AssertionError):
    """The connection ended where a message was expected."""


class Line:
    """One client's connection to a server; `refused` holds the answer that was no 101."""

    def __init__(
        self,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        subprotocols: Sequence[str] | None = None,
        wait: bool = True,
    ) -> None:
        """wait: read the answer of the handshake; without it, `handshake` does so later."""
        parts = urlsplit(url)
        self._protocol = ClientProtocol(
            parse_uri(url), subprotocols=subprotocols, max_size=None
        )  # fmt: skip
        self._socket = socket.create_connection((parts.hostname, parts.port), SECONDS)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._messages: list[str | bytes] = []
        self._fragments: list[Frame] = []
        self.response: Response | None = None
        self.refused: Response | None = None
        self.pings = 0
        request = self._protocol.connect()
        for name, value in (headers or {}).items():
            request.headers[name] = value
        self._protocol.send_request(request)
        self._flush()
        if wait:
            self.handshake()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    # --- the handshake

    def handshake(self) -> None:
        """Read the answer of the handshake."""
        self._read_until(lambda: self.response is not None)
        response = self.response
        if response is None or response.status_code != 101:
            self.refused = response

    @property
    def subprotocol(self) -> str | None:
        return self._protocol.subprotocol

    # --- sending

    def send(self, message: str | bytes) -> None:
        """Send a message in one frame."""
        if isinstance(message, str):
            self._protocol.send_text(message.encode())
        else:
            self._protocol.send_binary(message)
        self._flush()

    def send_fragments(self, *parts: str) -> None:
        """Send one text in several frames."""
        self._protocol.send_text(parts[0].encode(), fin=False)
        for part in parts[1:-1]:
            self._protocol.send_continuation(part.encode(), fin=False)
        self._protocol.send_continuation(parts[-1].encode(), fin=True)
        self._flush()

    def ask(self, command: str, *arguments: Any) -> None:
        """Have the object's handler run one of its commands."""
        self.send("!" + json.dumps([command, *arguments]))

    def ping(self) -> None:
        self._protocol.send_ping(b"")
        self._flush()

    def send_bytes(self, data: bytes) -> None:
        """Send bytes that need not be a frame."""
        self._socket.sendall(data)

    def close(self, code: int | None = None, reason: str = "") -> tuple[int, str]:
        """Close in the orderly way; return what the other side closed with."""
        self.begin_close(code, reason)
        return self.ended()

    def begin_close(self, code: int | None = None, reason: str = "") -> None:
        """Send a Close frame."""
        self._protocol.send_close(code, reason)
        self._flush()

    def drop(self) -> None:
        """Leave without a Close frame."""
        self._socket.close()

    def reset(self) -> None:
        """Leave as a machine that lost its network: the connection is reset."""
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._socket.close()

    # --- receiving

    def receive(self) -> str | bytes:
        """Return the next message. Raises EndedError when none comes any more."""
        self._read_until(lambda: self._messages)
        if not self._messages:
            raise EndedError(f"closed with {self._protocol.close_code}")
        return self._messages.pop(0)

    def receives(self, count: int) -> list[str | bytes]:
        return [self.receive() for _ in range(count)]

    def before(self, mark: str) -> list[str | bytes]:
        """Return what comes before a message; all that was sent earlier has come by then."""
        found = []
        while (message := self.receive()) != mark:
            found.append(message)
        return found

    def exchange(self, message: str | bytes) -> str | bytes:
        """Send a message and return the next that comes."""
        self.send(message)
        return self.receive()

    def value(self, command: str, *arguments: Any) -> Any:
        """Run a command of the handler that sends JSON; return it."""
        self.ask(command, *arguments)
        return json.loads(self.receive())

    def ended(self) -> tuple[int, str]:
        """Read to the end; return (code, reason): 1005 for an empty Close, 1006 for none."""
        self._read_until(lambda: self._protocol.state is State.CLOSED)
        self._socket.close()
        return int(self._protocol.close_code or 1006), self._protocol.close_reason or ""

    @property
    def left(self) -> list[str | bytes]:
        """What has come and was not read."""
        return self._messages

    def _read_until(self, condition: Any) -> None:
        deadline = time.monotonic() + SECONDS
        while not condition() and self._protocol.state is not State.CLOSED:
            left = deadline - time.monotonic()
            assert left > 0, f"nothing came within {SECONDS} s"
            self._socket.settimeout(left)
            try:
                data = self._socket.recv(_READ)
            except ConnectionError:
                data = b""
            if data:
                self._protocol.receive_data(data)
            else:
                self._protocol.receive_eof()
            for event in self._protocol.events_received():
                self._take(event)
            self._flush()
            if not data:
                return

    def _take(self, event: Frame | Response) -> None:
        if isinstance(event, Response):
            self.response = event
        elif event.opcode is Opcode.PING:
            self.pings += 1
        elif event.opcode in {Opcode.TEXT, Opcode.BINARY, Opcode.CONT}:
            self._fragments.append(event)
            if event.fin:
                self._messages.append(_joined(self._fragments))
                self._fragments = []

    def _flush(self) -> None:
        for data in self._protocol.data_to_send():
            if not data:  # the library's word for: send an end of file
                continue
            try:
                self._socket.sendall(data)
            except OSError:  # the other side has gone; reading says so
                return


def _joined(frames: list[Frame]) -> str | bytes:
    data = b"".join(frame.data for frame in frames)
    return data.decode() if frames[0].opcode is Opcode.TEXT else data
