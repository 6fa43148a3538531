"""The bottom of the terminal that is redrawn in place, with the log scrolling above it.

Rich's Live does the redrawing. Added here: everything of one drawing leaves in one write, marked
as one update for terminals that know the mark, and a terminal that became narrower is cleaned of
the old picture, which it has wrapped into more lines than rich remembers.
"""

from __future__ import annotations

from math import ceil
from typing import TYPE_CHECKING, TextIO, cast

from rich.console import Console, ConsoleDimensions, Group
from rich.live import Live
from rich.text import Text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sourdough_cli.screen.output import DescriptorOutput

_BEGIN_UPDATE = "\x1b[?2026h"
_END_UPDATE = "\x1b[?2026l"


class _Picture:
    """What Live shows. It asks anew at each drawing, so log and picture need only one."""

    def __init__(self) -> None:
        self.lines: list[Text] = []

    def __rich__(self) -> Group:
        return Group(*(self.lines or [Text("")]))


class Canvas:
    """Log lines and a picture below them, on one terminal."""

    def __init__(self, output: DescriptorOutput, *, colour: bool, reflow: bool) -> None:
        self._output = output
        self._reflow = reflow
        self._console = Console(
            file=cast("TextIO", output),
            force_terminal=True,
            force_interactive=True,
            no_color=not colour,
            highlight=False,
            markup=False,
            emoji=False,
            width=80,
            height=24,
        )
        self._live: Live | None = None
        self._picture = _Picture()
        self._width = 80

    @property
    def is_open(self) -> bool:
        """Whether there is a picture at the bottom."""
        return self._live is not None

    def open(self) -> None:
        """Hide the cursor and make room for a picture."""
        self._live = Live(
            self._picture,
            console=self._console,
            auto_refresh=False,
            transient=True,
            redirect_stdout=False,
            redirect_stderr=False,
            vertical_overflow="crop",
        )
        self._live.start()

    def close(self) -> None:
        """Wipe the picture and show the cursor; log lines stay."""
        live, self._live = self._live, None
        if live is not None:
            self._output.hold()
            self._picture.lines = []  # it draws once more before it ends
            live.stop()
            self._output.release()

    def draw(self, log: Sequence[Text], picture: list[Text], *, width: int, height: int) -> None:
        """Add `log` lines and show `picture`; writes nothing where nothing has changed."""
        narrower = width < self._width
        self._console.size = ConsoleDimensions(width, height)
        if not log and picture == self._picture.lines and width == self._width:
            return
        self._output.hold()
        self._output.write(_BEGIN_UPDATE)
        if narrower and self._reflow:
            self._unwrap(width)
        self._width = width
        self._picture.lines = picture
        if log:
            # Wrapped by the terminal, not by us: what is copied has no line breaks of ours.
            self._console.print(Text("\n").join(log), soft_wrap=True)
        elif self._live is not None:
            self._live.refresh()
        self._output.write(_END_UPDATE)
        self._output.release()

    def _unwrap(self, width: int) -> None:
        """Erase the old picture as the narrower terminal shows it; rich erases the rest."""
        wrapped = sum(max(ceil(line.cell_len / width), 1) for line in self._picture.lines)
        if wrapped > len(self._picture.lines) > 0:
            up = wrapped - 1
            down = len(self._picture.lines) - 1
            self._output.write(f"\r\x1b[{up}A\x1b[J" + (f"\x1b[{down}B" if down else ""))
