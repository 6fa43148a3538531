"""What the entrypoint's `scheduled(controller, env, ctx)` is told about its run."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduledController:
    """One run of one cron."""

    cron: str
    """The expression that is due, as in `triggers.crons`."""
    scheduled_time: int
    """When it was due, in ms since the Unix epoch; the same again when a run is repeated."""
