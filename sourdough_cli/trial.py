"""Imports the user's modules in a process of its own, the way a host will, and says what came of it.

The child runs without our state and without our terminal; whatever user code does there (prints,
hangs, exits, crashes) ends as a `Refusal` with a sentence.
"""

from __future__ import annotations

import signal
import subprocess
import sys
from contextlib import suppress
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from sourdough.config.model import Project

# The exit code of a host that cannot start; it has then printed one JSON object.
_CANNOT_START = 3


class Refusal(msgspec.Struct, frozen=True, kw_only=True):
    """Why the code cannot be hosted. place is "counter.py:17", source the line there."""

    error: str
    place: str | None = None
    source: str | None = None
    hint: str | None = None
    traceback: str | None = None


def trial_command(project: Project) -> list[str]:
    """Return the command that imports a project's modules and exits."""
    command = [sys.executable, "-P", "-m", "sourdough.host", "--check"]
    command += ["--root", str(project.root)]
    for module, class_name in project.config.classes:
        command += ["--module", module, "--class", class_name]
    if project.config.main is not None:
        command += ["--main", project.config.main]
    return command


def try_import(project: Project) -> Refusal | None:
    """Import a project's modules. Return None when a host could start with them."""
    seconds = project.config.limits.ready_timeout
    try:
        done = subprocess.run(  # noqa: S603  our own interpreter, arguments checked before
            trial_command(project),
            cwd=project.root,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=seconds,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return Refusal(
            error=f"the modules were not imported within {seconds:g} s",
            hint="raise limits.ready_timeout, or do the slow work later than at import.",
        )
    return read_refusal(done)


def read_refusal(done: subprocess.CompletedProcess[str]) -> Refusal | None:
    """Read what the host said: the last line that is its JSON; user code may print around it."""
    if done.returncode == 0:
        return None
    if done.returncode == _CANNOT_START:
        for line in reversed(done.stdout.splitlines()):
            with suppress(msgspec.DecodeError):
                return msgspec.json.decode(line, type=Refusal)
    return Refusal(
        error=f"the process that imports the modules ended with {_ending(done.returncode)}",
        traceback=done.stderr.strip() or None,
    )


def _ending(code: int) -> str:
    if code >= 0:
        return f"exit code {code}"
    try:
        return signal.Signals(-code).name
    except ValueError:
        return f"signal {-code}"
