"""What `sourdough trigger` says. Pure: result -> text."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from rich.text import Text

from sourdough_cli.views.escape import escape
from sourdough_cli.views.numbers import latency
from sourdough_cli.views.palette import BROKEN, GOOD

if TYPE_CHECKING:
    from sourdough.coordinator.inspection import Triggered


def triggered_lines(ran: Triggered) -> list[Text]:
    """Return what came of a run."""
    due = datetime.fromtimestamp(ran.scheduled, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    what = ("failed", BROKEN) if ran.error is not None else ("ran", GOOD)
    head = Text.assemble(f"{escape(ran.cron)}   {due}   ", what, f" in {latency(ran.ms)}")
    return [head] if ran.error is None else [head, Text(f"  {escape(ran.error)}")]
