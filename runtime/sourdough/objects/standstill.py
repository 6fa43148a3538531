"""Where a suspended task stands: the line of the user's code that waits."""

from __future__ import annotations

import sysconfig
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import asyncio

# Installed packages live below the standard library's folder: a user's line waits for them too.
_NOT_THE_USERS = (str(Path(__file__).parents[1]), sysconfig.get_path("stdlib"))


def place_of(task: asyncio.Task[Any]) -> str | None:
    """Return "counter.py:31 in increment", the innermost line of the user's; None without one."""
    place = None
    inner: Any = task.get_coro()
    while inner is not None:
        frame = _first(inner, "cr_frame", "gi_frame", "ag_frame")
        if frame is not None and not frame.f_code.co_filename.startswith(_NOT_THE_USERS):
            file = frame.f_code.co_filename.rpartition("/")[2]
            place = f"{file}:{frame.f_lineno} in {frame.f_code.co_name}"
        inner = _first(inner, "cr_await", "gi_yieldfrom", "ag_await")
    return place


def _first(holder: object, *names: str) -> Any:
    return next((found for name in names if (found := getattr(holder, name, None))), None)
