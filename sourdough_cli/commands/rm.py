"""`sourdough rm`: deletes one object, or all of a class, after saying what that is."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from sourdough_cli.exits import ExitCode
from sourdough_cli.options import ConfigOption, StorageOption  # noqa: TC001 (typer reads them)

if TYPE_CHECKING:
    from rich.text import Text

    from sourdough_cli.place import Place


def rm(
    reference: Annotated[
        str | None,
        typer.Argument(
            metavar="ID", help="BINDING:name, an id, its first digits, or a name that is unique."
        ),
    ] = None,
    *,
    class_name: Annotated[
        str | None,
        typer.Option("--class", metavar="NAME", help="Every object of a class, bound or not."),
    ] = None,
    config: ConfigOption = None,
    storage: StorageOption = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """Delete objects and everything they stored. They are not coming back."""
    from sourdough_cli.place import find_place

    if (reference is None) == (class_name is None):
        raise typer.BadParameter("expected either an ID or --class NAME")
    place = find_place(config, storage)
    if reference is not None:
        _remove_object(place, reference, yes=yes)
    elif class_name is not None:
        _remove_class(place, class_name, yes=yes)


# Each step opens the source anew: a server waits for nobody who thinks, or has much to delete.


def _remove_object(place: Place, reference: str, *, yes: bool) -> None:
    from sourdough.coordinator.control import Inspect, Remove
    from sourdough_cli.source import open_source
    from sourdough_cli.views.removal import removal_lines, removed_lines

    with open_source(place) as source:
        found = source.inspect(Inspect(reference=reference, limit=0))
    _tell(removal_lines(found))
    if not yes:
        _ask(f"sourdough rm {found.id} --yes")
    with open_source(place) as source:
        # By the whole id: what is deleted is what was shown, whatever came to be meanwhile.
        removed = source.remove(Remove(reference=found.id))
    _tell(removed_lines(removed))


def _remove_class(place: Place, name: str, *, yes: bool) -> None:
    from sourdough.coordinator.control import RemoveClass
    from sourdough_cli.source import open_source
    from sourdough_cli.views.removal import class_removal_lines, class_removed_lines

    with open_source(place) as source:
        found = source.remove_class(RemoveClass(name=name))
    _tell(class_removal_lines(found))
    if not yes:
        _ask(f"sourdough rm --class {found.storage_name} --yes")
    objects, freed, after = 0, 0, None
    while True:
        with open_source(place) as source:
            removed = source.remove_class(
                RemoveClass(name=found.storage_name, confirmed=True, after=after)
            )
        objects, freed, after = objects + removed.objects, freed + removed.size, removed.next
        _tell(class_removed_lines(found, objects=objects, freed=freed))
        if after is None:
            return


def _tell(lines: list[Text]) -> None:
    from sourdough_cli.printing import print_lines

    print_lines(lambda _: lines)


def _ask(command: str) -> None:
    """Return when a person has agreed; end the command otherwise."""
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        typer.echo(f"Nothing was deleted: `{command}` does it.", err=True)
        raise typer.Exit(ExitCode.FAILED)
    if not typer.confirm("Delete it?"):
        typer.echo("Nothing was deleted.")
        raise typer.Exit(ExitCode.FAILED)
