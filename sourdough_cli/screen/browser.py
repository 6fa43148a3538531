"""Opening an address in a browser that has a window: never one that takes over the terminal."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from threading import Thread


def open_in_browser(url: str) -> bool:
    """Ask the desktop to open `url`, without waiting; False where there is no desktop."""
    command = _opener()
    if command is None:
        return False
    Thread(target=_open, args=(command, url), name="browser", daemon=True).start()
    return True


def _open(command: str, url: str) -> None:
    subprocess.run(  # noqa: S603 (a fixed program and our own address)
        [command, url],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        check=False,
    )


def _opener() -> str | None:
    if sys.platform == "darwin":
        return shutil.which("open")
    if os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"):
        return shutil.which("xdg-open")
    return None
