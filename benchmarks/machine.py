"""The machine a run was made on, and its disk."""

from __future__ import annotations

import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

_SYNCS = 100


def describe(folder: Path) -> dict[str, object]:
    """Return what anybody has to know who reads the figures."""
    load = os.getloadavg()[0]
    return {
        "processor": _processor(),
        "cores": os.cpu_count(),
        "memory_gib": round(
            os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / (1 << 30), 1
        ),
        "system": f"{platform.system()} {platform.release()}",
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "file_system": _file_system(folder),
        "sync_ms": round(sync_ms(folder), 3),
        "load_before": round(load, 2),
        "began": time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime()),
    }


def sync_ms(folder: Path) -> float:
    """Return the median of what overwriting 4 KiB of a file and syncing it takes."""
    took = []
    with tempfile.TemporaryFile(dir=folder) as file:
        file.write(bytes(1 << 20))
        file.flush()
        os.fsync(file.fileno())
        sync = getattr(os, "fdatasync", os.fsync)
        for number in range(_SYNCS):
            began = time.perf_counter()
            os.pwrite(file.fileno(), bytes(4096), 4096 * number)
            sync(file.fileno())
            took.append((time.perf_counter() - began) * 1e3)
    return statistics.median(took)


def _processor() -> str:
    if sys.platform == "darwin":
        command = ["sysctl", "-n", "machdep.cpu.brand_string"]
        return subprocess.check_output(command, text=True).strip()
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def _file_system(folder: Path) -> str:
    if sys.platform != "linux":
        return "unknown"
    command = ["stat", "-f", "-c", "%T", str(folder)]
    return subprocess.check_output(command, text=True).strip()
