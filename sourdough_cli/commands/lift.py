"""`sourdough lift`: ends the quarantine of an object, so that it is tried again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from sourdough_cli.options import ConfigOption, StorageOption  # noqa: TC001 (typer reads them)

if TYPE_CHECKING:
    from rich.text import Text

    from sourdough.observe.status import QuarantinedStatus


def lift(
    reference: Annotated[
        str, typer.Argument(metavar="ID", help="BINDING:name, or a whole id, of the object.")
    ],
    *,
    config: ConfigOption = None,
    storage: StorageOption = None,
) -> None:
    """End the quarantine of an object: it is tried again."""
    from sourdough.coordinator.control import Lift
    from sourdough.errors import SourdoughError
    from sourdough.observe.status import QuarantinedStatus
    from sourdough_cli.main import installed_version
    from sourdough_cli.place import connect, find_place
    from sourdough_cli.printing import print_lines

    client = connect(find_place(config, storage), installed_version())
    if client is None:
        raise SourdoughError("No server is running, so nothing is in quarantine.")
    with client:
        lifted = client.ask(Lift(reference=reference), QuarantinedStatus)
    print_lines(lambda _: _lines(lifted))


def _lines(lifted: QuarantinedStatus) -> list[Text]:
    from rich.text import Text

    from sourdough_cli.views.escape import escape

    return [Text(f"{escape(lifted.object)} is out of quarantine.")]
