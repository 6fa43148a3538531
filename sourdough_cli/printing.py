"""Printing what the views made: lines for people, one JSON value for programs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import typer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from rich.text import Text


def print_lines(view: Callable[[int], Iterable[Text]]) -> None:
    """Print the lines that a view makes for the width of this terminal."""
    from rich.console import Console

    console = Console()
    for line in view(console.width):
        # The view has fitted the lines; what it left longer is there to be copied in one piece.
        console.print(line, soft_wrap=True, highlight=False)


def print_json(value: object) -> None:
    """Print one value as JSON, with the shape that docs/cli.md describes."""
    typer.echo(msgspec.json.format(msgspec.json.encode(value), indent=2).decode())
