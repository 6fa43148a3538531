"""Path patterns of routes. Pure.

    /chat/about      literal text, compared after percent-decoding
    /chat/{room}     {room} is one whole segment, never an empty one
    /files/{path*}   {path*} is one segment or more, slashes included, never empty; at most one
    /chat/{room}/*   a final /* is nothing or anything: /chat/a, /chat/a/, /chat/a/b/c
    /*               every path

Which of two patterns is the more specific is decided segment by segment, from left to right, by
`rank`: literal text before {x} before {x*} before the end of the pattern before a final /*.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_CAPTURE = re.compile(r"\{([A-Za-z_][A-Za-z0-9_]*)(\*?)\}")
_LITERAL, _SEGMENT, _SPAN, _END, _REST = range(5)


class PatternError(ValueError):
    """A pattern or an id template is not well formed; the text says what was expected."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pattern:
    """A checked pattern.

    regex matches the whole of a path decoded by `escapes.segments`, with one group for each of
    captures, in order. rank sorts patterns, the most specific first. shape is the same for
    patterns that differ in the names of their captures alone.
    """

    text: str
    regex: str
    captures: tuple[str, ...]
    rank: tuple[int, ...]
    shape: tuple[str, ...]


def parse_pattern(text: str) -> Pattern:
    """Check a pattern. Raises PatternError."""
    if not text.startswith("/"):
        raise PatternError('a pattern begins with "/"')
    parts = [_Part(each) for each in _open_segments(text)]
    if text.endswith("/*"):
        parts.append(_Part("*"))
    captures = tuple(part.capture for part in parts if part.capture)
    for name in captures:
        if captures.count(name) > 1:
            raise PatternError(f"{{{name}}} is captured twice")
    if sum(part.kind == _SPAN for part in parts) > 1:
        raise PatternError("only one capture may span slashes")
    return Pattern(
        text=text,
        regex="".join(part.regex for part in parts),
        captures=captures,
        rank=(*(part.kind for part in parts if part.kind != _REST), _end_of(parts)),
        shape=tuple(part.regex for part in parts),
    )


def _open_segments(text: str) -> list[str]:
    """Return the segments in front of a final /*, checked for stray emptiness."""
    body = text.removesuffix("/*") if text.endswith("/*") else text
    found = body.split("/")[1:]
    if "" in found[:-1] or (found and not found[-1] and body is not text):
        raise PatternError("a segment between two slashes is empty")
    return found


def _end_of(parts: list[_Part]) -> int:
    return _REST if parts and parts[-1].kind == _REST else _END


class _Part:
    """One segment of a pattern."""

    def __init__(self, text: str) -> None:
        self.capture: str | None = None
        self.kind = _LITERAL
        if text == "*":
            self.kind = _REST
            self.regex = "(?:/.*)?"
        elif found := _CAPTURE.fullmatch(text):
            self.capture = found[1]
            self.kind = _SPAN if found[2] else _SEGMENT
            self.regex = "/(.+)" if found[2] else "/([^/]+)"
        else:
            self.regex = "/" + re.escape(_literal(text))


def _literal(text: str) -> str:
    if "{" in text or "}" in text:
        raise PatternError(f"a capture is a whole segment such as {{name}}, got {text!r}")
    if "*" in text:
        raise PatternError('"*" may only be the last segment, or inside of {name*}')
    if "%" in text:
        raise PatternError("a pattern is written in plain text, without percent-encoding")
    if set(text) & set("?# ") or not text.isprintable():
        raise PatternError("a pattern is a path, without query, fragment or blanks")
    return text
