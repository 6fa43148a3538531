"""When the commits of an object survive a loss of power, whatever its class asks for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sourdough.storage.engine import Durability

if TYPE_CHECKING:
    from collections.abc import Callable

    from sourdough.storage.journal.file import JournalFile


class OnMedium:
    """Implements `Durable` for a file."""

    def __init__(self, file: JournalFile) -> None:
        self._file = file

    def when_durable(self, commit: int, callback: Callable[[Exception | None], None]) -> None:
        """Call back once: with None when a commit is on the medium, else with what went wrong."""
        self._file.when(commit, Durability.DISK, callback)
