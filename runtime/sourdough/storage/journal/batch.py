"""What is written, and perhaps synced, in one go; and who waits for that."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from sourdough.storage.journal.disk import Buffer


class Batch:
    """What is written by one round."""

    __slots__ = ("buffers", "bytes", "last", "parts", "sync", "waiting", "waiting_for_write")

    def __init__(self) -> None:
        self.parts: list[tuple[int, int, list[Buffer]]] = []
        """Use number, offset, bytes: one for each segment that it reaches."""
        self.buffers: list[Buffer] | None = None
        """The bytes of the last part, where it goes on."""
        self.bytes = 0
        self.last = 0
        self.sync = False
        self.waiting: list[tuple[object, Callable[[Exception | None], None]]] = []
        self.waiting_for_write: list[tuple[object, Callable[[Exception | None], None]]] = []
