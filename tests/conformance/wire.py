"""A connection that speaks WebSocket byte by byte, as `frames` has it: nothing answers by itself."""

from __future__ import annotations

import socket
import struct
from urllib.parse import urlsplit

from tests.conformance.frames import CLOSE

ASK = (
    "GET {path} HTTP/1.1\r\nHost: a\r\nConnection: keep-alive, Upgrade\r\nUpgrade: WebSocket\r\n"
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
)


class Wire:
    """A connection to one object, byte by byte."""

    def __init__(self, world, path: str) -> None:
        parts = urlsplit(world.server.url)
        self.path = path
        self.socket = socket.create_connection((parts.hostname, parts.port), 10)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.file = self.socket.makefile("rb")

    def ask(self, headers: str = "", request: str = ASK, behind: bytes = b"") -> bytes:
        """Ask for the upgrade; return the answer's head."""
        text = request.format(path=self.path) + headers + "\r\n"
        self.socket.sendall(text.encode() + behind)
        return b"".join(iter(self.file.readline, b"\r\n"))

    def send(self, data: bytes, *, cut: bool) -> None:
        """Send all at once, or byte by byte; the other side may have gone meanwhile."""
        try:
            for piece in (data[at : at + 1] for at in range(len(data))) if cut else [data]:
                self.socket.sendall(piece)
        except ConnectionError:
            return

    def frames(self, count: int = 1_000) -> list[tuple[int, bytes, int]]:
        """Return (opcode, payload, bits) of so many frames, or up to the connection's end."""
        found: list[tuple[int, bytes, int]] = []
        try:
            while len(found) < count and (head := self.file.read(2)):
                size = head[1]
                if size == 126:
                    size = struct.unpack("!H", self.file.read(2))[0]
                elif size == 127:
                    size = struct.unpack("!Q", self.file.read(8))[0]
                data = self.file.read(size)
                opcode = head[0] & 0x0F
                found.append((opcode, data[:2] if opcode == CLOSE else data, head[0] & 0x70))
        except ConnectionResetError:
            pass
        return found

    def close(self) -> None:
        self.file.close()
        self.socket.close()
