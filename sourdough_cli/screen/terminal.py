"""A terminal as a thing that is borrowed: its modes, its cursor, and whose turn it is.

All calls here return at once, also where the terminal is stuck (Ctrl-S, a hung ssh), except
writing, which is not done here.
"""

from __future__ import annotations

import os
import signal
import termios
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_LOCAL_MODES = 3
_CONTROL_CHARACTERS = 6


class Terminal:
    """The terminal at `fd`, and what it was set to before we came."""

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._saved: list[object] | None = None

    @property
    def size(self) -> os.terminal_size:
        """Columns and lines; 80 by 24 for a terminal that does not know or is gone."""
        with suppress(OSError):
            size = os.get_terminal_size(self._fd)
            if size.columns > 0 and size.lines > 0:
                return size
        return os.terminal_size((80, 24))

    @property
    def is_ours(self) -> bool:
        """Whether this process is in the foreground: only then may it read or change modes."""
        try:
            return os.tcgetpgrp(self._fd) == os.getpgrp()
        except OSError:
            return False

    def read_keys(self) -> None:
        """Deliver each key as it is pressed, without showing it. Ctrl-C stays a signal."""
        with suppress(termios.error):
            modes = termios.tcgetattr(self._fd)
            if self._saved is None:
                self._saved = list(modes)
            modes[_LOCAL_MODES] &= ~(termios.ICANON | termios.ECHO)
            modes[_CONTROL_CHARACTERS] = [*modes[_CONTROL_CHARACTERS]]
            modes[_CONTROL_CHARACTERS][termios.VMIN] = 1
            modes[_CONTROL_CHARACTERS][termios.VTIME] = 0
            self._set(modes)

    def restore(self) -> None:
        """Set everything back as it was. Idempotent."""
        saved, self._saved = self._saved, None
        if saved is not None and self.is_ours:
            with suppress(termios.error):
                self._set(saved)

    def resume_output(self) -> None:
        """Undo Ctrl-S, which lets a write that hangs on it go on."""
        if self.is_ours:
            with suppress(termios.error), _without_stop_on_output():
                # TCOON alone only undoes TCOOFF, not the keyboard's Ctrl-S.
                termios.tcflow(self._fd, termios.TCOOFF)
                termios.tcflow(self._fd, termios.TCOON)

    def _set(self, modes: list[object]) -> None:
        # TCSANOW: waiting for pending output, the usual way, would hang on a stuck terminal.
        with _without_stop_on_output():
            termios.tcsetattr(self._fd, termios.TCSANOW, modes)  # type: ignore[arg-type]


@contextmanager
def _without_stop_on_output() -> Iterator[None]:
    """Keep the kernel from stopping us if we have lost the foreground a moment ago."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTTOU])
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
