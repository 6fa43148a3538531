"""The WebSocket of a response that is only passed on (invariant W1)."""

from __future__ import annotations

from typing import Any, NoReturn

_RELAYED = (
    "this WebSocket belongs to the client whose request was passed on, and to the object that has"
    " accepted it: the response can be returned, the socket cannot be used"
)


class RelayedWebSocket:
    """Its object and the client's gateway talk without whoever passes the response on."""

    __slots__ = ()

    def accept(self) -> NoReturn:
        """Raise TypeError."""
        raise TypeError(_RELAYED)

    def send(self, data: Any) -> NoReturn:
        """Raise TypeError."""
        raise TypeError(_RELAYED)

    def close(self, code: int | None = None, reason: str | None = None) -> NoReturn:
        """Raise TypeError."""
        raise TypeError(_RELAYED)
