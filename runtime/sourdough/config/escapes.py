"""Percent-encoding of request targets, decoded once and strictly as UTF-8. Pure.

`segments` decodes a path so that one pattern of plain text can match it: what is not a character
of a path any more, or never was one, becomes a lone surrogate, which no valid UTF-8 contains.
An encoded slash stays inside of its segment that way (`%2F` is data, `/` is structure).
"""

from __future__ import annotations

import re
from urllib.parse import unquote_to_bytes

_SLASH = "\ud800"  # %2F
_MALFORMED = "\ud801"  # a % without two hex digits
_BAD_PERCENT = re.compile(r"%(?![0-9A-Fa-f]{2})")
_ENCODED_SLASH = re.compile(r"%2[fF]")
_UNDECODABLE = re.compile(r"[\ud801\udc80-\udcff]")


def segments(path: str) -> str:
    """Decode a raw path, keeping encoded slashes and undecodable bytes apart.

    path holds the bytes as sent, those outside of ASCII as latin-1 characters (the form that HTTP
    parsers give).
    """
    return _MALFORMED.join(
        _SLASH.join(_text(part) for part in _ENCODED_SLASH.split(piece))
        for piece in _BAD_PERCENT.split(path)
    )


def plain(captured: str) -> str | None:
    """Return a captured part of `segments` as text; None when it was not UTF-8."""
    if captured.isascii():
        return captured
    if _UNDECODABLE.search(captured):
        return None
    return captured.replace(_SLASH, "/")


def decode(raw: str) -> str | None:
    """Decode one raw value; None when it is not percent-encoded UTF-8."""
    return plain(segments(raw))


def parameter(query: str, name: str) -> str | None:
    """Return the first raw value of a query parameter, "+" as a space; None without one."""
    for pair in query.split("&"):
        key, _, value = pair.partition("=")
        if decode(key.replace("+", " ")) == name:
            return value.replace("+", " ")
    return None


def _text(raw: str) -> str:
    try:
        data = raw.encode("latin-1")
    except UnicodeEncodeError:  # not from a parser of HTTP: text of a caller in this process
        data = raw.encode("utf-8", "surrogatepass")
    return unquote_to_bytes(data).decode("utf-8", "surrogateescape")
