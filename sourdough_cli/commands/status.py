"""`sourdough status`: the processes of a running server; exit code 1 where none runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from sourdough_cli.exits import ExitCode
from sourdough_cli.options import ConfigOption, JsonOption, StorageOption  # noqa: TC001 (typer reads them)

if TYPE_CHECKING:
    from sourdough_cli.place import Place


def status(
    *,
    config: ConfigOption = None,
    storage: StorageOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show the processes of a running server. Exit code 1 when none is running."""
    from sourdough.clock import SystemClock
    from sourdough.coordinator.control import Status
    from sourdough.observe.status import Snapshot
    from sourdough_cli.main import installed_version
    from sourdough_cli.place import connect, find_place
    from sourdough_cli.printing import print_json, print_lines
    from sourdough_cli.views.status import status_lines

    place = find_place(config, storage)
    client = connect(place, installed_version())
    if client is None:
        _not_running(place, as_json=as_json)
        raise typer.Exit(ExitCode.FAILED)
    with client:
        snapshot = client.ask(Status(), Snapshot)
    if as_json:
        print_json(snapshot)
    else:
        now = SystemClock().now()
        print_lines(lambda width: status_lines(snapshot, now=now, width=width))


def _not_running(place: Place, *, as_json: bool) -> None:
    from sourdough.coordinator.server_file import read_server_file
    from sourdough_cli.printing import print_json, print_lines
    from sourdough_cli.views.status import not_running_lines

    if as_json:
        print_json(None)
        return
    left = read_server_file(place.storage)
    ended = left.pid if left is not None else None
    print_lines(lambda _: not_running_lines(place.shown, ended=ended))
