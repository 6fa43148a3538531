"""`sourdough call`: a method of one object, called from the shell."""

from __future__ import annotations

from typing import Annotated

import typer

from sourdough_cli.options import (  # noqa: TC001 (typer reads them)
    ConfigOption,
    JsonOption,
    StorageOption,
    TimeoutOption,
)


def call(
    reference: Annotated[
        str, typer.Argument(metavar="OBJECT", help="BINDING:name, BINDING:id or an id.")
    ],
    method: Annotated[
        str, typer.Argument(metavar="METHOD", help="A public method of its class, or a property.")
    ],
    arguments: Annotated[
        list[str] | None,
        typer.Argument(metavar="ARGUMENT", help="JSON, or name=JSON for a named argument."),
    ] = None,
    *,
    config: ConfigOption = None,
    storage: StorageOption = None,
    as_json: JsonOption = False,
    timeout: TimeoutOption = 30.0,
) -> None:
    """Call a method of an object and print what it returns.

    The object is made when it does not exist, as by any call. Asks the running server.
    """
    from sourdough.coordinator.control import Run
    from sourdough.values import decode, encode
    from sourdough_cli.errand import run_errand
    from sourdough_cli.place import find_place
    from sourdough_cli.printing import print_json, print_lines
    from sourdough_cli.views.value import json_value, value_lines
    from sourdough_cli.words import read_arguments

    body = encode(read_arguments(arguments or ()))
    request = Run(reference=reference, method=method, body=body, seconds=timeout)
    ran = run_errand(find_place(config, storage), request)
    value = decode(ran.answer.body)
    if ran.answer.cut:
        typer.echo(f"Only the first {len(value):,} items are shown.", err=True)
    if as_json:
        print_json(json_value(value))
    else:
        print_lines(lambda width: value_lines(value, width=width))
