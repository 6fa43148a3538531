"""How a route finds the name (or the hex digits) of the object that a request is for. Pure.

    {name}, user:{name}   a template of the pattern's captures
    ?room                 the query parameter, the first where it is given more than once
    header:x-room         the header
    lobby                 a constant

A value that is missing or empty is a fault of the request (`BadIdentity`), never an empty name.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from sourdough.config import escapes
from sourdough.config.pattern import PatternError

HeaderReader = Callable[[str], str | None]

_CAPTURE = re.compile(r"\{([A-Za-z_][A-Za-z0-9_]*)\*?\}")
_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")


class BadIdentity(Exception):  # noqa: N818  a fault of the request, not of the program
    """The request names no object; the text is a sentence for the client."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Template:
    """Constant text with captures in it: `texts` has one element more than `captures`."""

    texts: tuple[str, ...]
    captures: tuple[str, ...]

    @property
    def only_path(self) -> bool:
        return True

    def read(self, captured: Mapping[str, str], _query: str, _header: HeaderReader) -> str:
        parts = [self.texts[0]]
        for name, text in zip(self.captures, self.texts[1:], strict=True):
            parts += (captured[name], text)
        return "".join(parts)


@dataclass(frozen=True, slots=True, kw_only=True)
class _BesideThePath:
    """What stands elsewhere in a request than in its path, under a name."""

    name: str

    @property
    def captures(self) -> tuple[str, ...]:
        return ()

    @property
    def only_path(self) -> bool:
        return False


@dataclass(frozen=True, slots=True, kw_only=True)
class QueryParameter(_BesideThePath):
    """The value of a query parameter."""

    def read(self, _captured: Mapping[str, str], query: str, _header: HeaderReader) -> str:
        raw = escapes.parameter(query, self.name)
        if not raw:
            raise BadIdentity(f"The query parameter {self.name} is missing.")
        value = escapes.decode(raw)
        if value is None:
            raise BadIdentity(f"The query parameter {self.name} is not percent-encoded UTF-8.")
        return value


@dataclass(frozen=True, slots=True, kw_only=True)
class HeaderField(_BesideThePath):
    """The value of a header; bytes outside of ASCII are read as UTF-8."""

    def read(self, _captured: Mapping[str, str], _query: str, header: HeaderReader) -> str:
        raw = (header(self.name) or "").strip()
        if not raw:
            raise BadIdentity(f"The header {self.name} is missing.")
        if raw.isascii():
            return raw
        try:
            return raw.encode("latin-1").decode()
        except UnicodeError:
            raise BadIdentity(f"The header {self.name} is not UTF-8.") from None


Identity = Template | QueryParameter | HeaderField


def parse_identity(text: str) -> Identity:
    """Check the `id` or `id_hex` of a route. Raises PatternError."""
    if not text:
        raise PatternError("an id is not empty")
    if text.startswith("?"):
        if not text[1:] or set(text) & set("{}&="):
            raise PatternError('a query parameter is written "?room"')
        return QueryParameter(name=text[1:])
    kind, colon, name = text.partition(":")
    if colon and kind.lower() == "header":
        if not _HEADER_NAME.fullmatch(name):
            raise PatternError('a header is written "header:x-room"')
        return HeaderField(name=name.lower())
    return _template(text)


def _template(text: str) -> Template:
    parts = _CAPTURE.split(text)
    texts = tuple(parts[::2])
    if any(set(each) & set("{}") for each in texts):
        raise PatternError('a capture in an id is written "{name}"')
    return Template(texts=texts, captures=tuple(parts[1::2]))
