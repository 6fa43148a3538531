"""Installs workerd from npm into an ignored folder, once for each version."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

VERSION = "1.20261117.1"
_FOLDER = Path(__file__).parent / ".workerd"
_INSTALL_SECONDS = 180


class NotInstalledError(Exception):
    """workerd cannot be had here; the text says why."""


def install(version: str = VERSION) -> Path:
    """Return the program of this version; npm brings it the first time."""
    folder = _FOLDER / version
    found = _program(folder)
    if found is not None:
        return found
    npm = shutil.which("npm")
    if npm is None:
        message = "npm is not on the PATH"
        raise NotInstalledError(message)
    folder.mkdir(parents=True, exist_ok=True)
    # Its install script only checks and links the program that came as a dependency.
    command = [npm, "install", "--ignore-scripts", "--no-audit", "--no-fund", "--prefix"]
    try:
        subprocess.run(
            [*command, str(folder), f"workerd@{version}"],
            check=True, capture_output=True, text=True, timeout=_INSTALL_SECONDS,
        )  # fmt: skip
    except (subprocess.SubprocessError, OSError) as error:
        told = (getattr(error, "stderr", None) or str(error)).strip().splitlines()[-1]
        message = f"npm install workerd@{version}: {told}"
        raise NotInstalledError(message) from error
    found = _program(folder)
    if found is None:
        message = f"workerd@{version} has no program for this machine"
        raise NotInstalledError(message)
    return found


def _program(folder: Path) -> Path | None:
    return next(folder.glob("node_modules/@cloudflare/workerd-*/bin/workerd"), None)
