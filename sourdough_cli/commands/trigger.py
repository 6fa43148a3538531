"""`sourdough trigger`: runs the entrypoint's `scheduled` now, as if its cron were due."""

from __future__ import annotations

from typing import Annotated

import typer

from sourdough_cli.exits import ExitCode
from sourdough_cli.options import (  # noqa: TC001 (typer reads them)
    ConfigOption,
    JsonOption,
    StorageOption,
)


def trigger(
    cron: Annotated[
        str | None,
        typer.Argument(
            metavar="CRON", help="One of triggers.crons; not needed if it is the only one."
        ),
    ] = None,
    *,
    time: Annotated[
        str | None,
        typer.Option(
            "--time",
            help="When it was due, as scheduled() is told: ISO 8601, in UTC. [default: now]",
        ),
    ] = None,
    config: ConfigOption = None,
    storage: StorageOption = None,
    as_json: JsonOption = False,
    timeout: Annotated[
        float, typer.Option("--timeout", min=0.001, max=3600, help="Seconds to wait for its end.")
    ] = 30.0,
) -> None:
    """Run the entrypoint's scheduled() now, on the running server."""
    import msgspec

    from sourdough.coordinator.control import Trigger
    from sourdough.coordinator.inspection import Triggered
    from sourdough.errors import SourdoughError
    from sourdough_cli.main import installed_version
    from sourdough_cli.place import connect, find_place
    from sourdough_cli.printing import print_json, print_lines
    from sourdough_cli.views.triggered import triggered_lines

    request = Trigger(cron=cron, time=None if time is None else _moment(time))
    place = find_place(config, storage)
    client = connect(place, installed_version(), seconds=timeout)
    if client is None:
        raise SourdoughError(
            f"No server runs on {place.shown}.", hint="`sourdough dev` starts one."
        )
    with client:
        ran = client.ask(request, Triggered)
    if as_json:
        print_json(msgspec.to_builtins(ran))
    else:
        print_lines(lambda _: triggered_lines(ran))
    if ran.error is not None:
        raise typer.Exit(ExitCode.FAILED)


def _moment(text: str) -> float:
    from datetime import UTC, datetime

    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(
            f'expected a time such as 2026-01-31T03:00, got "{text}"', param_hint="--time"
        ) from None
    return (moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)).timestamp()
