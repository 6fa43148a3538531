"""Lines without colour or table: for pipes, files, `TERM=dumb` and `--plain`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sourdough.observe.banner import Banner
from sourdough_cli.screen.worker import WorkerScreen
from sourdough_cli.views.banner import banner_lines
from sourdough_cli.views.lines import record_lines

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from rich.text import Text

    from sourdough.clock import Clock
    from sourdough.observe.records import AnyRecord
    from sourdough.observe.status import Snapshot
    from sourdough_cli.screen.output import Output


class PlainScreen(WorkerScreen):
    """Writes each record as its lines; `width` is where request lines are cut."""

    def __init__(self, output: Output, clock: Clock, *, width: int = 120) -> None:
        super().__init__(clock)
        self._output = output
        self._width = width

    def draw(self, items: Sequence[AnyRecord | Banner], snapshot: Callable[[], Snapshot]) -> None:
        for item in items:
            for line in item_lines(item, self._width):
                self._output.write(f"{line.plain.rstrip()}\n")
        self._output.flush()


def item_lines(item: AnyRecord | Banner, width: int) -> list[Text]:
    """Return the lines of whatever can stand in a backlog."""
    if isinstance(item, Banner):
        return banner_lines(item, width=width)
    return record_lines(item, width=width)
