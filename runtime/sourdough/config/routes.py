"""From a request to the object it is for: the compiled routes. Pure.

The most specific pattern wins, wherever it stands in the file (`pattern.rank`). A request whose
pattern wins but which names no object is bad (HTTP 400); no less specific pattern is tried.

All patterns are one regular expression, compiled once, whose alternatives stand in the order of
their ranks. A path of ASCII without "%" needs no decoding and is matched as it is.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from msgspec import Struct

from sourdough.config import escapes
from sourdough.config.identity import BadIdentity, HeaderReader, Template, parse_identity
from sourdough.config.pattern import Pattern, parse_pattern

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sourdough.config.model import Route

_HEX_ID = re.compile(r"[0-9a-fA-F]{64}")


class RouteMatch(Struct, frozen=True, kw_only=True, gc=False):
    """The object that a request is for: by its name or by the 64 lower-case digits of its id.

    cacheable: the same path gives the same match, whatever query and headers say. mount: how many
    segments of the path stand before the pattern's final `/*`; 0 for a pattern without one.
    """

    binding: str
    name: str | None = None
    hex_id: str | None = None
    cacheable: bool = True
    mount: int = 0


class NoRoute(Struct, frozen=True, kw_only=True, gc=False):
    """No pattern matches: the entrypoint's request, or 404 without one."""

    cacheable: bool = True


class BadRoute(Struct, frozen=True, kw_only=True, gc=False):
    """The request names no object: HTTP 400 with `message`, a sentence for the client."""

    message: str
    cacheable: bool = False


NO_ROUTE = NoRoute()


class RouteTable:
    """The routes of a checked configuration, compiled.

    Raises pattern.PatternError for a route that `parse` would have refused.
    """

    __slots__ = ("_regex", "_routes")

    def __init__(self, routes: Sequence[Route]) -> None:
        ranked = sorted(
            ((parse_pattern(route.pattern), route) for route in routes),
            key=lambda each: each[0].rank,
        )
        self._routes: dict[int, _Compiled] = {}
        group = 1
        for pattern, route in ranked:
            self._routes[group] = _Compiled(route, pattern, first_group=group + 1)
            group += 1 + len(pattern.captures)
        # Without a route: an expression that matches nothing.
        alternatives = "|".join(f"({pattern.regex})" for pattern, _ in ranked) or "(?!)"
        self._regex = re.compile(rf"(?:{alternatives})\Z", re.DOTALL)

    def match(self, path: str, query: str, header: HeaderReader) -> RouteMatch | NoRoute | BadRoute:
        """Find the object of a request.

        path and query are as sent, still percent-encoded, without the "?", bytes outside of ASCII
        as latin-1 characters. header returns the value of a lower-case header name.
        """
        if "%" in path or not path.isascii():
            path = escapes.segments(path)
        found = self._regex.match(path)
        # The group that closes last is the outer one of the alternative that matched.
        if found is None or found.lastindex is None:
            return NO_ROUTE
        return self._routes[found.lastindex].read(found, query, header)


class _Compiled:
    """One route, ready to be matched."""

    __slots__ = (
        "binding",
        "cacheable",
        "captures",
        "first_group",
        "identity",
        "is_hex",
        "mount",
        "only_capture",
    )

    def __init__(self, route: Route, pattern: Pattern, *, first_group: int) -> None:
        self.binding = route.binding
        self.captures = pattern.captures
        self.mount = pattern.mount
        self.first_group = first_group
        self.is_hex = route.id_hex is not None
        self.identity = parse_identity(route.id_hex or route.id or "")
        self.cacheable = self.identity.only_path
        self.only_capture = self._find_only_capture()

    def _find_only_capture(self) -> int | None:
        """Return the place of the one capture that is the whole name: by far the usual route."""
        identity = self.identity
        if isinstance(identity, Template) and identity.texts == ("", "") and not self.is_hex:
            return self.captures.index(identity.captures[0])
        return None

    def read(self, found: re.Match[str], query: str, header: HeaderReader) -> RouteMatch | BadRoute:
        if self.only_capture is not None:
            name = escapes.plain(found[self.first_group + self.only_capture])
            if name is not None:
                return RouteMatch(binding=self.binding, name=name, mount=self.mount)
        try:
            text = self.identity.read(self._captured(found), query, header)
            return self._matched(text)
        except BadIdentity as bad:
            return BadRoute(message=str(bad), cacheable=self.cacheable)

    def _captured(self, found: re.Match[str]) -> dict[str, str]:
        """Return the captures that the identity uses."""
        values = {}
        for place, name in enumerate(self.captures, self.first_group):
            if name not in self.identity.captures:
                continue
            value = escapes.plain(found[place])
            if value is None:
                raise BadIdentity("The path is not percent-encoded UTF-8.")
            values[name] = value
        return values

    def _matched(self, text: str) -> RouteMatch:
        cacheable, mount = self.cacheable, self.mount
        if not self.is_hex:
            return RouteMatch(binding=self.binding, name=text, cacheable=cacheable, mount=mount)
        if not _HEX_ID.fullmatch(text):
            raise BadIdentity("An object's id has 64 hex digits.")
        hex_id = text.lower()
        return RouteMatch(binding=self.binding, hex_id=hex_id, cacheable=cacheable, mount=mount)
