"""An error as a person reads it: what happened, where, and what to do. One sentence each."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sourdough_cli.views.escape import escape

if TYPE_CHECKING:
    from sourdough.errors import SourdoughError


def fault_lines(error: SourdoughError) -> list[str]:
    """Return the lines of an error. A message may have several lines of its own."""
    lines = [escape(line) for line in error.message.splitlines()] or [type(error).__name__]
    if error.place:
        lines.append(f"  {escape(error.place)}")
    if error.hint:
        lines.extend(escape(line) for line in error.hint.splitlines())
    return lines
