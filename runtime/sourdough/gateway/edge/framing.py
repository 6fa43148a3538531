"""How an answer is framed: what its head says about its length, and what may follow (RFC 9112 6).

Framing is decided here, from the status, the method and the declared length, and nowhere else.
A header counts by its whole name: `x-content-length` is not framing.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto

from sourdough.gateway.edge import answers

# Written by the edge, or meaningless to the client's hop: never passed on from a handler.
_OURS = frozenset((b"connection", b"keep-alive", b"transfer-encoding", b"trailer", b"upgrade"))
_TELLTALES = (b"content-length", b"transfer-encoding", b"date", b"connection", b"keep-alive",
              b"trailer", b"upgrade")  # fmt: skip


class Mode(Enum):
    """What follows the head."""

    NOTHING = auto()
    WHOLE = auto()
    COUNTED = auto()
    CHUNKED = auto()
    UNTIL_CLOSE = auto()


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """A handler's header block, looked at closely."""

    lines: bytes
    """The block without content-length and without what belongs to the edge."""
    length: int | None
    """The content-length that the handler declared."""
    dated: bool
    """The handler set its own Date."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How an answer goes out."""

    mode: Mode
    lines: bytes
    """The framing header, if any, and the blank line."""


def is_plain(block: bytes) -> bool:
    """Say whether a block can go out as it is: well formed, and with nothing about framing in it.

    A superset of the blocks that need `read_block` is sent there, so that the common ones cost
    a few searches instead of a parse.
    """
    if not _well_formed(block):
        return False
    lowered = block.lower()
    # A loop is cheaper than a generator here, and this runs for every new block.
    for name in _TELLTALES:  # noqa: SIM110
        if name in lowered:
            return False
    return True


def _well_formed(block: bytes) -> bool:
    """Say whether a block is whole lines, none empty, with no stray CR, LF or NUL in them."""
    if not block:
        return True
    lines = block.count(b"\r\n")
    return (
        block.endswith(b"\r\n")
        and block.count(b"\n") == lines
        and block.count(b"\r") == lines
        and b"\0" not in block
        and b"\r\n\r\n" not in block
        and not block.startswith(b"\r\n")
    )


def read_block(block: bytes) -> Block:
    """Take a header block apart. Raises ValueError, with what is wrong, when it is not sound."""
    if not _well_formed(block):
        raise ValueError("its headers contain a line break or NUL")
    kept: list[bytes] = []
    length: int | None = None
    dated = False
    for line in block.split(b"\r\n")[:-1]:
        name, colon, value = line.partition(b":")
        if not colon:
            raise ValueError("one of its header lines has no colon")
        name = name.lower()
        if name == b"content-length":
            length = _one_length(length, value.strip(b" \t"))
        elif name not in _OURS:
            dated = dated or name == b"date"
            kept += (line, b"\r\n")
    return Block(lines=b"".join(kept), length=length, dated=dated)


def _one_length(before: int | None, value: bytes) -> int:
    if not value.isdigit():
        raise ValueError("its content-length is not a number")
    length = int(value)
    if before is not None and before != length:
        raise ValueError("it has two different content-lengths")
    return length


def plan(*, status: int, head: bool, legacy: bool, declared: int | None, size: int | None) -> Plan:
    """Decide how an answer is framed.

    head: the request was HEAD. legacy: the client speaks HTTP/1.0. declared: the handler's own
    content-length. size: of the body where it is complete, None where it is streamed.
    Raises ValueError when the declared length is not that of the body, or the status is none that
    a handler may give.
    """
    if status == 101 or not 100 <= status <= 999:
        raise ValueError(f"its status is {status}")
    if status < 200 or status == 204:
        return Plan(Mode.NOTHING, b"\r\n")
    if head or status == 304:
        return Plan(Mode.NOTHING, _would_be(head, declared, size))
    if size is not None:
        if declared is not None and declared != size:
            raise ValueError(f"it declares {declared} bytes and has {size}")
        return Plan(Mode.WHOLE, answers.length_line(size))
    if declared is not None:
        return Plan(Mode.COUNTED, answers.length_line(declared))
    if legacy:
        return Plan(Mode.UNTIL_CLOSE, b"\r\n")
    return Plan(Mode.CHUNKED, answers.CHUNKED)


def _would_be(head: bool, declared: int | None, size: int | None) -> bytes:
    """Return the length of a body that is not sent, where it is known.

    An empty body of an answer to HEAD says nothing about the answer to GET, so it is not claimed.
    """
    if declared is not None:
        return answers.length_line(declared)
    return answers.length_line(size) if head and size else b"\r\n"
