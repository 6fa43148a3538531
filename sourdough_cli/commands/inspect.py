"""`sourdough inspect`: one object, where it lives and what it holds."""

from __future__ import annotations

from typing import Annotated

import typer

from sourdough_cli.options import (  # noqa: TC001 (typer reads them)
    ConfigOption,
    JsonOption,
    StorageOption,
)


def inspect(
    reference: Annotated[
        str,
        typer.Argument(
            metavar="ID", help="BINDING:name, an id, its first digits, or a name that is unique."
        ),
    ],
    *,
    config: ConfigOption = None,
    storage: StorageOption = None,
    as_json: JsonOption = False,
    limit: Annotated[
        int, typer.Option("--limit", min=0, max=10_000, help="Keys to show at most.")
    ] = 100,
) -> None:
    """Show one object: where it lives, its values, its tables."""
    from sourdough.clock import SystemClock
    from sourdough.coordinator.control import Inspect
    from sourdough_cli.place import find_place
    from sourdough_cli.printing import print_json, print_lines
    from sourdough_cli.source import open_source
    from sourdough_cli.views.report import report_lines

    place = find_place(config, storage)
    with open_source(place) as source:
        found = source.inspect(Inspect(reference=reference, limit=limit))
    if as_json:
        print_json(found)
        return
    now = SystemClock().now()
    print_lines(lambda width: report_lines(found, storage=place.shown, now=now, width=width))
