"""JSON lines for whatever collects logs. `server.started` says what the banner would."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sourdough.observe.banner import Banner
from sourdough_cli.screen.worker import WorkerScreen
from sourdough_cli.views.jsonlines import json_line

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sourdough.clock import Clock
    from sourdough.observe.records import AnyRecord
    from sourdough.observe.status import Snapshot
    from sourdough_cli.screen.output import Output


class JsonScreen(WorkerScreen):
    """Writes each record as one line of JSON."""

    def __init__(self, output: Output, clock: Clock) -> None:
        super().__init__(clock)
        self._output = output

    def draw(self, items: Sequence[AnyRecord | Banner], snapshot: Callable[[], Snapshot]) -> None:
        for item in items:
            if not isinstance(item, Banner):
                self._output.write(f"{json_line(item)}\n")
        self._output.flush()
