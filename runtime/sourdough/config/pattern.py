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
from typing import NamedTuple

_CAPTURE = re.compile(r"\{([A-Za-z_][A-Za-z0-9_]*)(\*?)\}")
_LITERAL, _SEGMENT, _SPAN, _END, _REST = range(5)


class PatternError(ValueError):
    """A pattern or an id template is not well formed; the text says what was expected."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pattern:
    """A checked pattern.

    regex matches the whole of a path decoded by `escapes.segments`, with one group for each of
    captures, in order. rank sorts patterns, the most specific first. shape is the same for
    patterns that differ in the names of their captures alone. mount: how many segments stand
    before a final /*; 0 without one, and behind a capture that spans slashes.
    """

    text: str
    regex: str
    captures: tuple[str, ...]
    rank: tuple[int, ...]
    shape: tuple[str, ...]
    mount: int = 0


def parse_pattern(text: str) -> Pattern:
    """Check a pattern. Raises PatternError."""
    if not text.startswith("/"):
        raise PatternError('a pattern begins with "/"')
    parts = [_part(each) for each in _segments(text)]
    end = _END
    if text.endswith("/*"):
        parts.append(_ANYTHING)
        end = _REST
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
        rank=(*(part.kind for part in parts if part is not _ANYTHING), end),
        shape=tuple(part.regex for part in parts),
        mount=_mount(parts),
    )


def _mount(parts: list[_Part]) -> int:
    if parts[-1] is not _ANYTHING or any(part.kind == _SPAN for part in parts):
        return 0
    return len(parts) - 1


def _segments(text: str) -> list[str]:
    """Return the segments in front of a final /*; only the last may be empty, as in "/" or "/a/"."""
    is_open = text.endswith("/*")
    found = text.removesuffix("/*").split("/")[1:]
    if "" in (found if is_open else found[:-1]):
        raise PatternError("a segment between two slashes is empty")
    return found


class _Part(NamedTuple):
    """One segment of a pattern."""

    kind: int
    regex: str
    capture: str | None = None


_ANYTHING = _Part(_REST, "(?:/.*)?")


def _part(text: str) -> _Part:
    found = _CAPTURE.fullmatch(text)
    if found is None:
        return _Part(_LITERAL, "/" + re.escape(_literal(text)))
    if found[2]:
        return _Part(_SPAN, "/(.+)", found[1])
    return _Part(_SEGMENT, "/([^/]+)", found[1])


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
