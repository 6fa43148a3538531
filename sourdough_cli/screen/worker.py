"""The thread behind every screen: it takes from the backlog and draws, until stopped."""

from __future__ import annotations

import atexit
from abc import ABC, abstractmethod
from threading import Thread, current_thread
from typing import TYPE_CHECKING

from sourdough_cli.screen.backlog import Backlog

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sourdough.clock import Clock
    from sourdough.observe.banner import Banner
    from sourdough.observe.records import AnyRecord
    from sourdough.observe.status import Snapshot

# How long the end of the server waits for a terminal that does not take the last lines.
STOP_SECONDS = 1.0
# A picture that has not changed is looked at again after this time: durations move on.
_TICK_SECONDS = 1.0


class WorkerScreen(ABC):
    """A screen whose drawing is left to its subclass and happens in a thread of its own."""

    pause = 0.02
    """Least seconds between two drawings; what comes meanwhile is drawn together."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.backlog = Backlog(clock)
        self._thread: Thread | None = None

    def start(self, snapshot: Callable[[], Snapshot]) -> None:
        self._thread = Thread(target=self._run, args=(snapshot,), name="screen", daemon=True)
        atexit.register(self.stop)
        self._thread.start()

    def banner(self, banner: Banner) -> None:
        self.backlog.put_banner(banner)

    def record(self, record: AnyRecord) -> None:
        self.backlog.put(record)

    def stop(self) -> None:
        thread, self._thread = self._thread, None
        if thread is None or thread is current_thread():
            return
        self.backlog.close()
        thread.join(STOP_SECONDS)
        if thread.is_alive():
            self.unblock()
            thread.join(STOP_SECONDS)
        self.released()
        atexit.unregister(self.stop)

    def _run(self, snapshot: Callable[[], Snapshot]) -> None:
        try:
            closed = False
            while not closed:
                self.draw(self.backlog.take(_TICK_SECONDS), snapshot)
                closed = self.backlog.rest(self.pause)
            self.draw(self.backlog.take(0), snapshot)
        finally:
            self.close()

    @abstractmethod
    def draw(self, items: Sequence[AnyRecord | Banner], snapshot: Callable[[], Snapshot]) -> None:
        """Draw what is new; called at least once a second."""

    def close(self) -> None:  # noqa: B027 (most screens have nothing to give back)
        """Give the terminal back; called once, by the drawing thread."""

    def unblock(self) -> None:  # noqa: B027
        """Do what can be done for a thread that hangs in a write, when it is time to end."""

    def released(self) -> None:  # noqa: B027
        """Do what is left after the thread has ended, or was given up."""
