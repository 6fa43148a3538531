"""`[triggers]`: when the entrypoint's `scheduled` runs. Pure."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Annotated, Literal

from cronsim import CronSim, CronSimError
from msgspec import Meta

from sourdough.config.problem import BLANK, Problem
from sourdough.config.table import Table

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sourdough.config.model import Config

_FIELDS = 5
_SOME_DAY = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)

Missed = Literal["once", "skip"]


class Triggers(Table, frozen=True, kw_only=True):
    """When the entrypoint's `scheduled` runs."""

    crons: Annotated[
        tuple[str, ...],
        Meta(
            description="Cron expressions of five fields, in UTC: minute, hour, day of the month, "
            "month, day of the week.",
            examples=[["*/5 * * * *", "0 3 * * MON"]],
        ),
    ] = ()
    missed: Annotated[
        Missed,
        Meta(
            description="What becomes of the times that passed while no server ran: once runs the "
            "latest of each cron, skip none."
        ),
    ] = "once"


def trigger_problems(config: Config) -> Iterator[Problem]:
    """Yield what is wrong with the crons."""
    seen: dict[str, int] = {}
    for index, cron in enumerate(config.triggers.crons):
        path = ("triggers", "crons", index)
        if cron == BLANK:
            continue
        message = _fault(cron)
        if message is not None:
            yield Problem(path=path, message=message)
        elif cron in seen:
            yield Problem(path=path, message=f"the same as triggers.crons[{seen[cron]}]")
        seen.setdefault(cron, index)
    if config.triggers.crons and config.main is None:
        yield Problem(
            path=("triggers", "crons"),
            message="crons run the entrypoint's scheduled(), and there is no entrypoint",
            hint="name its module: main",
        )


def _fault(cron: str) -> str | None:
    number = len(cron.split())
    if number != _FIELDS:
        return f'expected five fields such as "*/5 * * * *", got {number}'
    try:
        next(CronSim(cron, _SOME_DAY))
    except CronSimError as error:
        return f'"{cron}" is no cron expression: {str(error)[:1].lower()}{str(error)[1:]}'
    except StopIteration:
        return f'"{cron}" never comes'
    return None
