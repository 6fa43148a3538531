"""What one instance says on its WebSockets: one queue behind the output gate (semantics 7.14).

Each thing waits for the commits that were pending when it was said, and for what was said before.
It leaves in a later turn of the loop, not in the call that says it: an instance that is reset in
the same step has said nothing (semantics 3.3, 3.11). What a failed commit was to confirm is dropped,
with everything behind it.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from typing import TYPE_CHECKING

from sourdough.objects.refusal import of_storage, reset_error

if TYPE_CHECKING:
    from collections.abc import Callable

    from sourdough.objects.container import Container


log = logging.getLogger("sourdough.objects")


class _Batch:
    """Things that wait for the same commit."""

    __slots__ = ("acts", "commit", "durable")

    def __init__(self, commit: int) -> None:
        self.commit = commit
        self.durable = not commit
        self.acts: list[Callable[[], None]] = []


class Outbox:
    """Implemented for a container; made when it first says something."""

    __slots__ = ("_batches", "_container", "_loop", "_scheduled")

    def __init__(self, container: Container) -> None:
        self._container = container
        self._loop = asyncio.get_running_loop()
        self._batches: deque[_Batch] = deque()
        self._scheduled = False

    def __len__(self) -> int:
        """How many things have been said and have not left."""
        return sum(len(batch.acts) for batch in self._batches)

    def post(self, act: Callable[[], None]) -> None:
        """Say something, in order. Raises StorageError where the instance has ended."""
        commit = self._container.database.flush()
        batches = self._batches
        if batches and (not commit or batches[-1].commit == commit):
            batches[-1].acts.append(act)
        else:
            batch = _Batch(commit)
            batch.acts.append(act)
            batches.append(batch)
            if commit:
                self._wait(batch)
        self._leave_soon()

    def finish(self) -> None:
        """The database has closed, all of it is durable: say the rest now."""
        batches, self._batches = self._batches, deque()
        for batch in batches:
            _say(batch)

    def drop(self) -> None:
        """The instance is dead: what has not left never will."""
        self._batches.clear()

    def _wait(self, batch: _Batch) -> None:
        def durable(error: Exception | None) -> None:
            if error is None:
                batch.durable = True
                self._leave_soon()
            else:
                self.drop()
                self._container.reset(reset_error(of_storage(error)))

        self._container.database.when_durable(batch.commit, durable)

    def _leave_soon(self) -> None:
        if not self._scheduled:
            self._scheduled = True
            self._loop.call_soon(self._leave)

    def _leave(self) -> None:
        self._scheduled = False
        batches = self._batches
        while batches and batches[0].durable:
            _say(batches.popleft())


def _say(batch: _Batch) -> None:
    for act in batch.acts:
        try:
            act()
        except Exception:
            log.exception("something said on a WebSocket could not be sent")
