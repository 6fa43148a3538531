"""Counts the syncs a server makes for each write: durability as it is, not as it is said to be."""

from __future__ import annotations

import contextlib
import re
import shutil
import signal
import subprocess
import tempfile
from typing import TYPE_CHECKING

from processes import tree
from touch import touch

if TYPE_CHECKING:
    from servers import Serving

_WRITES = 100
_ATTACH_SECONDS = 10
_OBJECTS = 10


def syncs_per_write(serving: Serving) -> float | None:
    """Count over writes that follow each other; None where strace cannot look."""
    strace = shutil.which("strace")
    if strace is None:
        return None
    touch(serving.port, "/counter/o%d", _OBJECTS)
    pids = tree(serving.process.pid)
    with tempfile.NamedTemporaryFile("r", suffix=".strace") as seen:
        command = [strace, "-f", "-e", "trace=fsync,fdatasync,syncfs", "-o", seen.name]
        command += [argument for pid in pids for argument in ("-p", str(pid))]
        process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
        try:
            if not _attached(process, len(pids)):
                return None
            for _ in range(_WRITES // _OBJECTS):
                touch(serving.port, "/counter/o%d", _OBJECTS)
        finally:
            with contextlib.suppress(ProcessLookupError):
                process.send_signal(signal.SIGINT)
            process.communicate(timeout=_ATTACH_SECONDS)
        return len(re.findall(r"\b(?:fsync|fdatasync|syncfs)\(", seen.read())) / _WRITES


def _attached(process: subprocess.Popen, count: int) -> bool:
    """Wait until strace says so of each process; it ends instead where it may not attach."""
    seen = 0
    for line in process.stderr:
        seen += bool(re.search(r"strace: Process \d+ attached", line))
        if seen >= count:
            return True
    return False
