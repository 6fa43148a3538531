"""Who waits for a commit that is held back, until it gets a number that can be waited for."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


class Held:
    """The callbacks of one database, for the transaction that is open."""

    __slots__ = ("_callbacks",)

    def __init__(self) -> None:
        self._callbacks: list[Callable[[Exception | None], None]] = []

    def add(self, callback: Callable[[Exception | None], None]) -> None:
        self._callbacks.append(callback)

    def committed(
        self, commit: int, when_durable: Callable[[int, Callable[[Exception | None], None]], None]
    ) -> None:
        """The transaction is committed: all wait on for its number."""
        if not self._callbacks:
            return
        callbacks, self._callbacks = self._callbacks, []
        for callback in callbacks:
            when_durable(commit, callback)

    def failed(self, error: Exception) -> None:
        """The transaction never will be committed."""
        callbacks, self._callbacks = self._callbacks, []
        for callback in callbacks:
            callback(error)
