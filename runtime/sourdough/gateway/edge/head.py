"""A request's head, header by header: what is passed on, what is framing, and what is refused.

Headers arrive from the parser's callbacks only; nothing is ever searched in raw bytes, so what
llhttp takes for framing and what we take for framing cannot differ.
"""

from __future__ import annotations

from enum import Enum, auto

from sourdough.gateway.edge import forwarded
from sourdough.gateway.edge.failure import (
    CODING_UNSUPPORTED,
    EXPECTATION_UNKNOWN,
    RefusedError,
    malformed,
)


class Kind(Enum):
    """What a header means to the edge."""

    PLAIN = auto()
    HOST = auto()
    LENGTH = auto()
    CODING = auto()
    CONNECTION = auto()
    EXPECT = auto()
    FORWARDED = auto()
    UPGRADE = auto()
    DROPPED = auto()


_KINDS = {
    b"host": Kind.HOST,
    b"content-length": Kind.LENGTH,
    b"transfer-encoding": Kind.CODING,
    b"connection": Kind.CONNECTION,
    b"expect": Kind.EXPECT,
    b"keep-alive": Kind.DROPPED,
    b"te": Kind.DROPPED,
    b"trailer": Kind.DROPPED,
    b"upgrade": Kind.UPGRADE,
    # `Proxy` is no header of HTTP, but CGI-like code takes it for the variable HTTP_PROXY.
    b"proxy": Kind.DROPPED,
    **dict.fromkeys(forwarded.NAMES, Kind.FORWARDED),
}

# Clients spell a header in a few ways; each is classified once. Bounded, since a client may invent.
SPELLINGS: dict[bytes, Kind] = {}
_MAXSPELLINGS = 4096
_MAX_SPELLING = 64

# `Connection` may name headers of this hop to be dropped, but not these: no client decides them.
_NEVER_DROPPED = frozenset((b"host", b"cookie", b"authorization", *forwarded.NAMES))


def kind_of(name: bytes) -> Kind:
    """Return what a header means to the edge; spelled as the client did."""
    kind = SPELLINGS.get(name)
    if kind is None:
        lowered = name.lower()
        kind = _KINDS.get(lowered)
        if kind is None:
            kind = Kind.DROPPED if lowered.startswith(b"proxy-") else Kind.PLAIN
        if len(SPELLINGS) < _MAXSPELLINGS and len(name) <= _MAX_SPELLING:
            SPELLINGS[name] = kind
    return kind


class Notes:
    """What the special headers of one head say. Most requests have none."""

    __slots__ = ("_forwarding", "chunked", "expects", "hop", "length", "upgrade")

    def __init__(self) -> None:
        self.length: int | None = None
        self.chunked = False
        self.expects = False
        """The client waits for 100 Continue before it sends the body."""
        self.hop: set[bytes] = set()
        """Tokens of Connection, in lower case."""
        self.upgrade: list[bytes] = []
        """The protocols that the client would rather speak, in lower case."""
        self._forwarding: list[tuple[bytes, bytes]] = []

    def add(self, kind: Kind, name: bytes, value: bytes) -> None:
        """Take a special header. Raises RefusedError."""
        # llhttp leaves white space after a value to us.
        value = value.strip(b" \t")
        if kind is Kind.LENGTH:
            # llhttp refuses a second one; so do we, whatever it comes to think of it.
            if self.length is not None or not value.isdigit():
                raise RefusedError(malformed("its Content-Length is not one number"))
            self.length = int(value)
        elif kind is Kind.CODING:
            if value.lower() != b"chunked":
                raise RefusedError(CODING_UNSUPPORTED)
            self.chunked = True
        elif kind is Kind.CONNECTION:
            self.hop.update(_tokens(value))
        elif kind is Kind.UPGRADE:
            self.upgrade += _tokens(value)
        elif kind is Kind.EXPECT:
            if value.lower() != b"100-continue":
                raise RefusedError(EXPECTATION_UNKNOWN)
            self.expects = True
        elif kind is Kind.FORWARDED:
            self._forwarding.append((name, value))

    def check(self, *, legacy: bool) -> None:
        """Raise RefusedError for framing that could be read in two ways."""
        if self.chunked and (legacy or self.length is not None):
            raise RefusedError(malformed("its Transfer-Encoding contradicts the rest of its head"))
        if legacy:
            # HTTP/1.0 has no expectations (RFC 9110 10.1.1).
            self.expects = False

    def relay(self, parts: list[bytes], peer: str) -> str:
        """Append a trusted peer's forwarding headers to `parts`; return the scheme it tells."""
        headers, scheme = forwarded.relay(self._forwarding, peer)
        for name, value in headers:
            parts += (name, b": ", value, b"\r\n")
        return scheme

    def drop_hop_headers(self, parts: list[bytes]) -> list[bytes]:
        """Return `parts`, four per header, without those that Connection names (RFC 9110 7.6.1)."""
        named = self.hop - _NEVER_DROPPED
        if named <= {b"close", b"keep-alive"}:
            return parts
        kept: list[bytes] = []
        for at in range(0, len(parts), 4):
            if parts[at].lower() not in named:
                kept += parts[at : at + 4]
        return kept


def _tokens(value: bytes) -> list[bytes]:
    return [token.strip(b" \t") for token in value.lower().split(b",")]
