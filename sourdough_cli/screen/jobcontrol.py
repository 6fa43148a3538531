"""Ctrl-Z, fg, and a changed window: the signals a screen must hear to stay right."""

from __future__ import annotations

import signal
from threading import current_thread, main_thread
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable


class JobControl:
    """Handles SIGTSTP and SIGWINCH between `start` and `stop`, both from the main thread.

    On Ctrl-Z `give_back` is called before the process stops and `take_again` when it goes on; on
    a changed window `resized`. In any thread but the main one this does nothing.
    """

    def __init__(
        self,
        *,
        give_back: Callable[[], None],
        take_again: Callable[[], None],
        resized: Callable[[], None],
    ) -> None:
        self._give_back = give_back
        self._take_again = take_again
        self._resized = resized
        self._before: dict[int, Any] = {}

    def start(self) -> None:
        if current_thread() is main_thread():
            self._before = {
                signal.SIGTSTP: signal.signal(signal.SIGTSTP, self._on_stop),
                signal.SIGWINCH: signal.signal(signal.SIGWINCH, self._on_resize),
            }

    def stop(self) -> None:
        if current_thread() is main_thread():
            for number, handler in self._before.items():
                signal.signal(number, handler)
            self._before = {}

    def _on_stop(self, _number: int, _frame: object) -> None:
        self._give_back()
        signal.signal(signal.SIGTSTP, signal.SIG_DFL)
        signal.raise_signal(signal.SIGTSTP)
        # Here the process stands still, until it is continued.
        signal.signal(signal.SIGTSTP, self._on_stop)
        self._take_again()

    def _on_resize(self, _number: int, _frame: object) -> None:
        self._resized()
