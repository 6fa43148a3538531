"""A process that can be told from a later one with the same pid, and ended without mistake.

A pid alone is no identity: it is given again. Together with the moment the kernel started it, it
is (invariant P4). A zombie counts as gone: it holds no lock and no file.
"""

from __future__ import annotations

import os
import signal
import subprocess
from contextlib import suppress
from pathlib import Path

import msgspec

_PROC = Path("/proc")
_STATE, _START_TIME = 0, 19  # fields 3 and 22 of /proc/<pid>/stat, counted after the command's ")"


class ProcessIdentity(msgspec.Struct, frozen=True):
    """A pid and when its process was started."""

    pid: int
    start_time: str
    """Opaque, equal only for the same process: clock ticks and boot on Linux, a date elsewhere."""

    @classmethod
    def of(cls, pid: int) -> ProcessIdentity | None:
        """Identify a running process; None when there is none with this pid."""
        start_time = _start_time(pid)
        return None if start_time is None else cls(pid, start_time)

    @property
    def alive(self) -> bool:
        """Whether this very process still runs."""
        return _start_time(self.pid) == self.start_time

    def kill(self) -> None:
        """End this very process with SIGKILL; do nothing when it is gone."""
        if not hasattr(os, "pidfd_open"):
            if self.alive:
                _kill(self.pid)
            return
        try:
            pidfd = os.pidfd_open(self.pid)
        except OSError:
            return
        try:
            # Compared after the pidfd is open: from here on the pid cannot become another process.
            if self.alive:
                signal.pidfd_send_signal(pidfd, signal.SIGKILL)
        except ProcessLookupError:
            pass
        finally:
            os.close(pidfd)


def _kill(pid: int) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


def _start_time(pid: int) -> str | None:
    if (_PROC / "self" / "stat").exists():
        return _start_time_of_linux(pid)
    return _start_time_by_ps(pid)


def _start_time_of_linux(pid: int) -> str | None:
    try:
        stat = (_PROC / str(pid) / "stat").read_text()
        boot = (_PROC / "sys/kernel/random/boot_id").read_text()
    except OSError:
        return None
    # The command stands in parentheses and may hold spaces and parentheses itself.
    fields = stat.rpartition(")")[2].split()
    if fields[_STATE] in "ZX":
        return None
    # Ticks count from the boot, so that a file which outlived a reboot could match by accident.
    return f"{fields[_START_TIME]}@{boot.strip()}"


def _start_time_by_ps(pid: int) -> str | None:
    answer = subprocess.run(  # noqa: S603 (fixed arguments and a number)
        ["/bin/ps", "-o", "stat=", "-o", "lstart=", "-p", str(pid)],
        env={"LC_ALL": "C"},
        capture_output=True,
        text=True,
        check=False,
    ).stdout
    state, _, started = answer.strip().partition(" ")
    return started.strip() if started and not state.startswith("Z") else None
