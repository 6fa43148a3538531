"""Pictures: what a view shows, compared with a text file that a person has looked at.

`SOURDOUGH_PICTURES=write pytest tests/unit/cli` writes them anew; look at the difference then.
"""

from __future__ import annotations

import io
import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from rich.console import Console

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from rich.text import Text

PICTURES = Path(__file__).parent / "pictures"


def render(lines: Iterable[Text], *, width: int, colour: bool) -> str:
    """Return what a terminal of that width is sent; escape sequences are made readable."""
    file = io.StringIO()
    console = Console(
        file=file,
        width=width,
        force_terminal=colour,
        color_system="standard" if colour else None,
        highlight=False,
        markup=False,
        _environ={},
    )
    for line in lines:
        console.print(line, soft_wrap=True)
    return file.getvalue().replace("\x1b", "␛")


@pytest.fixture
def check_picture() -> Callable[..., None]:
    """Return a function that compares a view at 80 and 120 columns, with and without colour."""

    def check(name: str, view: Callable[[int], Iterable[Text]]) -> None:
        for width in (80, 120):
            for colour in (False, True):
                shown = render(view(width), width=width, colour=colour)
                file = PICTURES / f"{name}-{width}{'-colour' if colour else ''}.txt"
                if os.environ.get("SOURDOUGH_PICTURES") == "write":
                    PICTURES.mkdir(exist_ok=True)
                    file.write_text(shown)
                assert shown == file.read_text(), file.name

    return check
