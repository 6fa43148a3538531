"""The processes of a server: which they are and how much memory they hold."""

from __future__ import annotations

import subprocess


def tree(pid: int) -> dict[int, int]:
    """Return the resident bytes of a process and of all below it, by pid."""
    told = subprocess.check_output(["ps", "-A", "-o", "pid=,ppid=,rss="], text=True)
    rows = [tuple(map(int, line.split())) for line in told.splitlines()]
    found: dict[int, int] = {}
    wanted = {pid}
    while wanted:
        found |= {each: rss * 1024 for each, _, rss in rows if each in wanted}
        wanted = {each for each, parent, _ in rows if parent in wanted} - found.keys()
    return found


def resident_bytes(pid: int) -> int:
    """Return what a process and all below it hold together; shared pages count once for each."""
    return sum(tree(pid).values())
