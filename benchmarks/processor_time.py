"""Processor time for each request, by process: it says where the time goes, on a busy machine too."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from processes import tree

if TYPE_CHECKING:
    from servers import Serving


def roles(serving: Serving) -> dict[str, list[int]]:
    """Return the pids of a server by what they do; `all of it` where they do the same."""
    if not hasattr(serving, "project"):
        return {"all of it": list(tree(serving.process.pid))}
    command = [sys.executable, "-m", "sourdough_cli", "status", "--json"]
    try:
        status = json.loads(subprocess.check_output(command, cwd=serving.project, timeout=30))
    except (OSError, subprocess.SubprocessError):
        return {}
    return {
        "gateway": [each["pid"] for each in status["gateways"]],
        "host": [each["pid"] for each in status["hosts"]],
        "coordinator": [status["coordinator"]["pid"]],
    }


def seconds(pids_by_role: dict[str, list[int]]) -> dict[str, float]:
    """Return what each role has used until now; nothing where the system does not tell (Linux)."""
    if sys.platform != "linux":
        return {}
    return {role: sum(map(_used, pids)) for role, pids in pids_by_role.items()}


def _used(pid: int) -> float:
    # The name, in brackets, may hold anything; behind it utime and stime are the 12th and 13th.
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def each_request(
    before: dict[str, float], after: dict[str, float], requests: float
) -> dict[str, float]:
    """Return the microseconds of each role for each of these requests."""
    return {role: (after[role] - before[role]) / requests * 1e6 for role in after}
