"""`sourdough ls`: the objects of one namespace or of all, page by page."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Annotated

import typer

from sourdough_cli.options import (  # noqa: TC001 (typer reads them)
    ConfigOption,
    JsonOption,
    StorageOption,
)

if TYPE_CHECKING:
    from pathlib import Path


def ls(
    binding: Annotated[
        str | None, typer.Argument(metavar="BINDING", help="A binding or class; all without it.")
    ] = None,
    *,
    config: ConfigOption = None,
    storage: StorageOption = None,
    as_json: JsonOption = False,
    after: Annotated[
        str | None, typer.Option("--after", help="Go on behind a page: what it printed last.")
    ] = None,
    limit: Annotated[
        int, typer.Option("--limit", min=1, max=10_000, help="Objects of a page.")
    ] = 100,
) -> None:
    """List the known objects, in the order of their ids."""
    from sourdough.clock import SystemClock
    from sourdough.coordinator.control import List
    from sourdough_cli.place import find_place
    from sourdough_cli.printing import print_json, print_lines
    from sourdough_cli.source import open_source
    from sourdough_cli.views.listing import listing_lines

    with open_source(find_place(config, storage)) as source:
        page = source.list(List(namespace=binding, after=after, limit=limit))
    if as_json:
        print_json(page)
        return
    now = SystemClock().now()
    command = _command(binding, config, storage, limit)
    print_lines(lambda width: listing_lines(page, now=now, width=width, command=command))


def _command(binding: str | None, config: Path | None, storage: Path | None, limit: int) -> str:
    """Return the command that was given, without its --after."""
    words = ["sourdough", "ls", *([binding] if binding else [])]
    words += ["-c", str(config)] if config else []
    words += ["--storage", str(storage)] if storage else []
    words += ["--limit", str(limit)] if limit != 100 else []
    return shlex.join(words)
