"""An error as a person reads it: what happened, where, and what to do. One sentence each."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.text import Text

from sourdough_cli.views.escape import escape
from sourdough_cli.views.palette import BROKEN, DETAIL

if TYPE_CHECKING:
    from sourdough.errors import SourdoughError


def error_text(error: SourdoughError) -> Text:
    """Return the lines of an error; its place only where the sentence does not name it."""
    message = error.message or type(error).__name__
    lines = [Text(escape(line), BROKEN) for line in message.splitlines()]
    if error.place and error.place not in message:
        lines.append(Text(f"  {escape(error.place)}"))
    if error.hint:
        lines.extend(Text(escape(line), DETAIL) for line in error.hint.splitlines())
    return Text("\n").join(lines)
