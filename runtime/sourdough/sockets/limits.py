"""What may be sent, said at a close, attached and used as a tag (semantics 7.2, 7.5, 7.13)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sourdough.values import encode
from sourdough.wire import close_codes

if TYPE_CHECKING:
    from collections.abc import Iterable

MAX_SOCKETS = 32_768
"""Hibernating sockets of one object."""
MAX_TAGS = 10
MAX_TAG_LENGTH = 256
MAX_ATTACHMENT = 16_384
MAX_REASON = 123
"""Bytes of UTF-8: what a Close frame has room for."""

MAX_EVENT_TIMEOUT = 604_800_000
"""Milliseconds (semantics 7.7)."""


def to_payload(data: Any) -> tuple[bytes, bool]:
    """Return (bytes, whether it is text) of a message; a copy. Raises TypeError."""
    if isinstance(data, str):
        return data.encode(), True
    if isinstance(data, bytes | bytearray | memoryview):
        return bytes(data), False
    raise TypeError(f"a message is str or bytes, not {type(data).__name__}")


def from_payload(data: bytes, text: bool) -> str | bytes:
    """Return a message as user code gets it; the gateway has seen to it that text is UTF-8."""
    return data.decode("utf-8", "replace") if text else data


def checked_close(code: Any, reason: Any) -> tuple[int, str]:
    """Return code and reason of a Close frame, 0 for an empty one. Raises TypeError, ValueError."""
    if reason is not None and not isinstance(reason, str):
        raise TypeError(f"the reason of a close is a str, not {type(reason).__name__}")
    if code is None:
        if reason is not None:
            raise TypeError(
                "If you specify a WebSocket close reason, you must also specify a code."
            )
        return 0, ""
    if isinstance(code, bool) or not isinstance(code, int):
        raise TypeError(f"a WebSocket close code is an int, not {type(code).__name__}")
    if not 1000 <= code <= 4999 or code in close_codes.NOT_TO_BE_SENT:
        raise ValueError(f"Invalid WebSocket close code: {code}.")
    size = len((reason or "").encode())
    if size > MAX_REASON:
        raise ValueError(
            f"WebSocket close reason must not exceed {MAX_REASON} bytes of UTF-8; it has {size}."
        )
    return code, reason or ""


def sendable_close(code: int, reason: str) -> tuple[int | None, str | None]:
    """Return what `close` takes of a close that came: nothing, where that cannot be sent on."""
    try:
        return checked_close(code, reason)
    except ValueError:
        return None, None


def checked_tags(tags: Iterable[str]) -> tuple[str, ...]:
    """Return the distinct tags, in order. Raises TypeError, ValueError."""
    if isinstance(tags, str):
        raise TypeError("tags are a list of str, not one str")
    distinct: dict[str, None] = {}
    for tag in tags:
        if not isinstance(tag, str):
            raise TypeError(f"a tag is a str, not {type(tag).__name__}")
        if tag not in distinct and len(distinct) >= MAX_TAGS:
            raise ValueError(f"a Hibernatable WebSocket cannot have more than {MAX_TAGS} tags")
        if len(tag) > MAX_TAG_LENGTH:
            raise ValueError(
                f'"{tag}" is longer than the max tag length ({MAX_TAG_LENGTH} characters).'
            )
        distinct[tag] = None
    return tuple(distinct)


def to_attachment(value: Any) -> bytes:
    """Return the bytes that are kept of an attachment. Raises TypeError, ValueError."""
    data = encode(value)
    if len(data) > MAX_ATTACHMENT:
        raise ValueError(
            f"A WebSocket 'attachment' cannot be larger than {MAX_ATTACHMENT} bytes."
            f"'attachment' was {len(data)} bytes."
        )
    return data


def checked_event_timeout(milliseconds: Any) -> int | None:
    """Return how long a handler may take, None for no limit. Raises TypeError, ValueError."""
    if milliseconds is None:
        return None
    if isinstance(milliseconds, bool) or not isinstance(milliseconds, int):
        raise TypeError(f"an event timeout is an int, not {type(milliseconds).__name__}")
    if milliseconds < 0:
        raise ValueError("Event timeout should not be negative.")
    if milliseconds > MAX_EVENT_TIMEOUT:
        raise ValueError(f"Event timeout should not exceed {MAX_EVENT_TIMEOUT} ms.")
    return milliseconds or None
