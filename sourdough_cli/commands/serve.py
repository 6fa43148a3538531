"""`sourdough serve`: run the project as a server."""

from __future__ import annotations

from typing import Annotated

import typer

from sourdough_cli.options import ConfigOption  # noqa: TC001 (typer reads it at run time)


def serve(
    *,
    config: ConfigOption = None,
    port: Annotated[
        int | None,
        typer.Option(help="The port to listen on; 0 takes a free one.", min=0, max=65_535),
    ] = None,
    host: Annotated[
        str | None, typer.Option(help="The address to listen on.", metavar="ADDR")
    ] = None,
    hosts: Annotated[
        int | None,
        typer.Option(help="Processes that run your code; 0 is one process.", min=0, max=1024),
    ] = None,
    gateways: Annotated[
        int | None, typer.Option(help="Processes that share the port.", min=1, max=64)
    ] = None,
    plain: Annotated[
        bool, typer.Option("--plain", help="Print lines for people: no colour, no table, no JSON.")
    ] = False,
) -> None:
    """Run the project as a server.

    On a terminal it shows what `sourdough dev` shows; elsewhere it prints one JSON object for each
    event. SIGTERM or Ctrl-C stop it: requests that run may end first; a second one stops at once.
    Code that does not load ends it with exit code 3.
    """
    from sourdough.config.load import find, load

    project = load(find(config))
    # After the configuration: its faults are told before anything else is even imported.
    from sourdough.coordinator.options import ServerOptions
    from sourdough_cli.serving import run_server

    settings = project.config.serve
    options = ServerOptions(
        project=project,
        mode="serve",
        host=settings.host if host is None else host,
        port=settings.port if port is None else port,
        gateways=settings.gateways if gateways is None else gateways,
        hosts=project.config.host_count if hosts is None else hosts,
        standby=settings.standby,
        drain_timeout=settings.drain_timeout,
        storage=project.storage_path,
        memory=False,
    )
    raise typer.Exit(run_server(options, plain=plain))
