"""The clients that a case opens; none of them outlives it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self
from urllib.parse import urlencode

from tests.conformance.line import Line

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.conformance.world import Thing, World


class Lines:
    """Opens WebSockets to the objects of a world."""

    def __init__(self, world: World) -> None:
        self._url = "ws" + world.server.url.removeprefix("http")
        self._open: list[Line] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for line in self._open:
            line.__exit__()

    def open(
        self,
        thing: Thing,
        way: str,
        *,
        subprotocols: Sequence[str] | None = None,
        wait: bool = True,
        refused: bool = False,
        **query: Any,
    ) -> Line:
        """Connect to an object over its route; refused: the answer is to be another than 101."""
        text = urlencode(query, doseq=True)
        path = f"{thing.binding.lower()}/{thing.name}/{way}" + (f"?{text}" if text else "")
        return self.at(path, subprotocols=subprotocols, wait=wait, refused=refused)

    def at(
        self,
        path: str,
        *,
        subprotocols: Sequence[str] | None = None,
        wait: bool = True,
        refused: bool = False,
    ) -> Line:
        """Connect to a path."""
        line = Line(f"{self._url}/{path}", subprotocols=subprotocols, wait=wait)
        self._open.append(line)
        if wait:
            assert (line.refused is not None) == refused, line.refused or line.response
        return line
