"""`sourdough rm`: deletes one object and everything it stored, after saying so."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from sourdough_cli.exits import ExitCode
from sourdough_cli.options import ConfigOption, StorageOption  # noqa: TC001 (typer reads them)

if TYPE_CHECKING:
    from sourdough.coordinator.inspection import Inspection


def rm(
    reference: Annotated[
        str,
        typer.Argument(
            metavar="ID", help="BINDING:name, an id, its first digits, or a name that is unique."
        ),
    ],
    *,
    config: ConfigOption = None,
    storage: StorageOption = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """Delete an object and everything it stored. It is not coming back."""
    from sourdough.coordinator.control import Inspect, Remove
    from sourdough_cli.place import find_place
    from sourdough_cli.printing import print_lines
    from sourdough_cli.source import open_source
    from sourdough_cli.views.removal import removal_lines, removed_lines

    with open_source(find_place(config, storage)) as source:
        found = source.inspect(Inspect(reference=reference, limit=0))
        print_lines(lambda _: removal_lines(found))
        if not yes:
            _ask(found)
        # By the whole id: what is deleted is what was shown, whatever came to be meanwhile.
        removed = source.remove(Remove(reference=found.id))
    print_lines(lambda _: removed_lines(removed))


def _ask(found: Inspection) -> None:
    """Return when a person has agreed; end the command otherwise."""
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        typer.echo(f"Nothing was deleted: `sourdough rm {found.id} --yes` does it.", err=True)
        raise typer.Exit(ExitCode.FAILED)
    if not typer.confirm("Delete it?"):
        typer.echo("Nothing was deleted.")
        raise typer.Exit(ExitCode.FAILED)
