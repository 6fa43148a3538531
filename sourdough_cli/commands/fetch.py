"""`sourdough fetch`: an HTTP request to one object, sent from the shell."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from sourdough_cli.exits import ExitCode
from sourdough_cli.options import (  # noqa: TC001 (typer reads them)
    ConfigOption,
    JsonOption,
    StorageOption,
    TimeoutOption,
)

if TYPE_CHECKING:
    from sourdough.wire.messages import Answered

# From here on a status says that the request failed.
_FIRST_ERROR = 400


def fetch(
    reference: Annotated[
        str, typer.Argument(metavar="OBJECT", help="BINDING:name, BINDING:id or an id.")
    ],
    path: Annotated[str, typer.Argument(metavar="PATH", help="Path and query, or a whole URL.")],
    *,
    method: Annotated[
        str | None,
        typer.Option("--request", "-X", help="The method; POST with --data, else GET."),
    ] = None,
    headers: Annotated[
        list[str] | None, typer.Option("--header", "-H", help='A header: "Name: value".')
    ] = None,
    data: Annotated[
        str | None, typer.Option("--data", "-d", help="The body; @FILE reads one, @- the input.")
    ] = None,
    config: ConfigOption = None,
    storage: StorageOption = None,
    as_json: JsonOption = False,
    timeout: TimeoutOption = 30.0,
) -> None:
    """Send an HTTP request to an object and print its answer.

    The body goes to standard output, status and headers to standard error. Exit code 1 for a
    status of 400 or more. No route is needed. Asks the running server.
    """
    from sourdough.coordinator.control import Run
    from sourdough_cli.errand import run_errand
    from sourdough_cli.place import find_place
    from sourdough_cli.printing import print_json
    from sourdough_cli.sending import read_data, read_headers
    from sourdough_cli.views.answer import answer_json, print_answer

    body = read_data(data)
    request = Run(
        reference=reference,
        method=(method or ("GET" if data is None else "POST")).upper(),
        body=body,
        target=path if "://" in path or path.startswith("/") else f"/{path}",
        headers=read_headers(headers or ()),
        seconds=timeout,
    )
    answer: Answered = run_errand(find_place(config, storage), request).answer
    if as_json:
        print_json(answer_json(answer))
    else:
        print_answer(answer)
    if answer.status >= _FIRST_ERROR:
        raise typer.Exit(ExitCode.FAILED)
