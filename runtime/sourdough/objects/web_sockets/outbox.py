"""What one instance says on its WebSockets: one queue behind the output gate (semantics 7.14).

Each thing waits for the commits that were pending when it was said, and for what was said before.
It leaves in a later turn of the loop, not in the call that says it: an instance that is reset in
the same step has said nothing (semantics 3.3, 3.11). What a failed commit was to confirm is dropped,
with everything behind it.
"""

from __future__ import annotations

import logging
from collections import deque
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable

log = logging.getLogger("sourdough.objects")


class Commits(Protocol):
    """The commits of an object: its database."""

    def flush(self) -> int:
        """Commit now; return what has to be durable before something said now leaves, 0 for nothing."""
        ...

    def when_durable(self, commit: int, callback: Callable[[Exception | None], None]) -> None:
        """Call back once: with None when a commit is durable, with an error if it never will be."""


class _Batch:
    """Things that wait for the same commit."""

    __slots__ = ("acts", "commit", "durable")

    def __init__(self, commit: int) -> None:
        self.commit = commit
        self.durable = not commit
        self.acts: list[Callable[[], None]] = []


class Outbox:
    """Of one instance."""

    __slots__ = ("_batches", "_commits", "_failed", "_schedule", "_scheduled")

    def __init__(
        self,
        commits: Commits,
        *,
        schedule: Callable[[Callable[[], None]], object],
        failed: Callable[[Exception], None],
    ) -> None:
        """schedule: runs a function in a later turn (`loop.call_soon`). failed: told of a commit
        that never will be durable; what waited for it has been dropped.
        """
        self._commits = commits
        self._schedule = schedule
        self._failed = failed
        self._batches: deque[_Batch] = deque()
        self._scheduled = False

    def __len__(self) -> int:
        """How many things have been said and have not left."""
        return sum(len(batch.acts) for batch in self._batches)

    def post(self, act: Callable[[], None]) -> None:
        """Say something, in order. Raises StorageError where the instance has ended."""
        commit = self._commits.flush()
        batches = self._batches
        if batches and (not commit or batches[-1].commit == commit):
            batches[-1].acts.append(act)
        else:
            batch = _Batch(commit)
            batch.acts.append(act)
            batches.append(batch)
            if commit:
                self._commits.when_durable(commit, lambda error: self._told(batch, error))
        self._leave_soon()

    def finish(self) -> None:
        """The instance has left memory: say now what is durable; what waits for the commit of
        another object leaves when that is.
        """
        self._leave()

    def behind(self, act: Callable[[], None]) -> None:
        """Say something behind the rest, of what was written long ago."""
        if self._batches:
            self._batches[-1].acts.append(act)
        else:
            act()

    def drop(self) -> None:
        """The instance is dead: what has not left never will."""
        self._batches.clear()

    def _told(self, batch: _Batch, error: Exception | None) -> None:
        if error is None:
            batch.durable = True
            self._leave_soon()
        else:
            self.drop()
            self._failed(error)

    def _leave_soon(self) -> None:
        if not self._scheduled and self._batches and self._batches[0].durable:
            self._scheduled = True
            self._schedule(self._leave)

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
