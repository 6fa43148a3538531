"""Keys of the key-value store and ranges of them, in UTF-8 byte order (semantics 5.1, 10)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

MAX_KEY_BYTES = 2048
MAX_KEYS_PER_GET = 128

_LAST_CODE_POINT = 0x10FFFF
_SURROGATES = range(0xD800, 0xE000)


def check_key(key: Any) -> None:
    """Raise TypeError for a key that is no str, ValueError for one that is too long or no text."""
    if type(key) is not str:
        raise TypeError(f"a key is a str, not {type(key).__name__}")
    if key.isascii() and len(key) <= MAX_KEY_BYTES:
        return
    size = _byte_size(key)
    if size > MAX_KEY_BYTES:
        raise ValueError(
            f"Keys cannot be larger than {MAX_KEY_BYTES} bytes. A key of size {size} was provided."
        )


def _byte_size(text: str) -> int:
    try:
        return len(text.encode())
    except UnicodeEncodeError:
        raise ValueError(f"the key {text!a} is not valid Unicode text") from None


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyRange:
    """Which keys, in which order: `first` <= key < `stop`."""

    first: str = ""
    stop: str | None = None
    reverse: bool = False
    limit: int = -1
    """At most so many; -1: all."""

    @property
    def empty(self) -> bool:
        """Whether no key can be in it."""
        return self.stop is not None and self.first >= self.stop


def key_range(
    *,
    start: str | None = None,
    start_after: str | None = None,
    end: str | None = None,
    prefix: str | None = None,
    reverse: bool = False,
    limit: int | None = None,
) -> KeyRange:
    """Return the range that the options of `list()` mean.

    start is included, end excluded, whatever the order; prefix narrows the range further. Raises
    TypeError for options that contradict each other or have the wrong type.
    """
    _check_options(start=start, start_after=start_after, end=end, prefix=prefix)
    _check_limit(limit)
    if start is not None and start_after is not None:
        raise TypeError("list() cannot be called with both start and start_after values.")
    # The smallest string after s is s + NUL: an excluded start is an included successor.
    firsts = [start or "", "" if start_after is None else start_after + "\0", prefix or ""]
    stops = [stop for stop in (end, _after_prefix(prefix or "")) if stop is not None]
    return KeyRange(
        first=max(firsts),
        stop=min(stops, default=None),
        reverse=bool(reverse),
        limit=-1 if limit is None else limit,
    )


def _check_options(**options: Any) -> None:
    for name, value in options.items():
        if value is None:
            continue
        if type(value) is not str:
            raise TypeError(f"list() takes {name} as a str, not {type(value).__name__}")
        _byte_size(value)


def _check_limit(limit: Any) -> None:
    if limit is None:
        return
    if type(limit) is not int:
        raise TypeError(f"list() takes limit as an int, not {type(limit).__name__}")
    if limit <= 0:
        raise TypeError("List limit must be positive.")


def _after_prefix(prefix: str) -> str | None:
    """Return the first string after all that start with a prefix; None if nothing comes after.

    Python compares strings by code points, which is the order of their UTF-8 bytes.
    """
    stem = prefix.rstrip(chr(_LAST_CODE_POINT))
    if not stem:
        return None
    successor = ord(stem[-1]) + 1
    if successor in _SURROGATES:
        successor = _SURROGATES.stop
    return stem[:-1] + chr(successor)
