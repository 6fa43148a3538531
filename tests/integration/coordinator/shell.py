"""`sourdough` commands as a shell runs them, but in this process: one takes 0.3 s to start."""

from __future__ import annotations

import io
import sys
from contextlib import redirect_stderr, redirect_stdout
from typing import TYPE_CHECKING, NamedTuple

import pytest

from sourdough_cli.main import run

if TYPE_CHECKING:
    from pathlib import Path


class Done(NamedTuple):
    """How a command ended, and what it printed."""

    returncode: int
    stdout: str
    stderr: str


def command(folder: Path, *words: str) -> Done:
    """Run a command in a folder to its end. Not for one that is a server."""
    out, err = io.StringIO(), io.StringIO()
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(out), redirect_stderr(err):
        patch.chdir(folder)
        patch.setattr(sys, "argv", ["sourdough", *words])
        with pytest.raises(SystemExit) as ended:
            run()
    return Done(int(ended.value.code or 0), out.getvalue(), err.getvalue())
