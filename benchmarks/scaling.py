"""A handler that computes, at one host and at several: what more processes bring."""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING

from load import run
from servers import sourdough, uvicorn

if TYPE_CHECKING:
    from pathlib import Path

_CONNECTIONS = 32
_OBJECTS = 100


def host_counts() -> list[int]:
    """Return 1, 2, 4 and so on, up to the number of cores."""
    cores = os.cpu_count() or 1
    return [count for count in (1, 2, 4, 8, 16) if count <= max(cores, 2)]


def measure(folder: Path, *, rounds: int, seconds: int) -> dict[str, list[float]]:
    """Return the answers per second of each round, by who serves."""
    with contextlib.ExitStack() as stack:
        servers = {"bare uvicorn, one process": stack.enter_context(uvicorn())}
        for hosts in host_counts():
            name = "1 host" if hosts == 1 else f"{hosts} hosts"
            servers[name] = stack.enter_context(sourdough(hosts=hosts, folder=folder / str(hosts)))
        found: dict[str, list[float]] = {name: [] for name in servers}
        for _ in range(rounds):
            for name, serving in servers.items():
                told = run(
                    serving.url, "/busy/o%d",
                    connections=_CONNECTIONS, seconds=seconds, objects=_OBJECTS,
                )  # fmt: skip
                found[name].append(told.per_second)
    return found
