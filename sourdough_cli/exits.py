"""Exit codes: a script learns from the code alone which kind of thing happened."""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sourdough.errors import SourdoughError


class ExitCode(IntEnum):
    """What each exit code of `sourdough` means."""

    OK = 0
    FAILED = 1  # what was asked for does not exist, or could not be done
    CONFIG = 2  # the configuration or the command line is wrong; nothing was started
    START = 3  # a process cannot start: a module does not import, a port is taken
    STORAGE = 4  # the storage folder cannot be read or written
    IN_USE = 5  # another server owns the storage folder
    BUG = 70  # an error that Sourdough did not foresee
    INTERRUPTED = 130  # Ctrl-C


def exit_code_of(error: SourdoughError) -> int:
    """Return the exit code that tells this error's kind."""
    return int(error.exit_code)
