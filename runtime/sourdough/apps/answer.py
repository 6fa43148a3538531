"""The head of an app's answer: status and headers, checked before they become a `Response`."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

_NAME = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_FORBIDDEN_IN_VALUE = re.compile(rb"[\x00\r\n]")
# How a message is framed on one connection is the gateway's business.
_HOP_BY_HOP = frozenset({
    b"connection", b"keep-alive", b"proxy-connection", b"transfer-encoding", b"te", b"trailer",
    b"upgrade",
})  # fmt: skip
_LENGTH = b"content-length"

Pairs = Iterable[tuple[bytes, bytes]]


class AppError(RuntimeError):
    """An app broke the rules of its interface; the text says which."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """A status and a checked header block."""

    status: int
    block: bytes
    """As it travels, without `content-length`."""
    length: bytes
    """The `content-length` line, b"" without one."""


def read_head(status: object, headers: Pairs) -> Head:
    """Check what an app says at the beginning of its answer. Raises AppError."""
    if not isinstance(status, int) or not 200 <= status <= 599:
        raise AppError(f"the app answered with the status {status!r}; 200 to 599 can be sent")
    lines, length = [], b""
    for pair in headers:
        name, value = _checked(pair)
        lowered = name.lower()
        line = b"%b: %b\r\n" % (name, value)
        if lowered == _LENGTH:
            length = line
        elif lowered not in _HOP_BY_HOP:
            lines.append(line)
    return Head(status=status, block=b"".join(lines), length=length)


def _checked(pair: object) -> tuple[bytes, bytes]:
    if not isinstance(pair, Iterable):
        raise AppError(f"a header is a pair of bytes, not {pair!r}")
    items = tuple(pair)
    if len(items) != 2 or not all(isinstance(item, bytes) for item in items):
        raise AppError(f"a header is a pair of bytes, not {pair!r}")
    name, value = items
    if not _NAME.fullmatch(name):
        raise AppError(f"not a header name: {name!r}")
    if _FORBIDDEN_IN_VALUE.search(value):
        raise AppError(f"header {name!r}: the value {value!r} cannot be sent")
    return name, value.strip(b" \t")
