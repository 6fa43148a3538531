"""`sourdough types`: the types of env, for editors and type checkers."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sourdough_cli.exits import ExitCode
from sourdough_cli.options import ConfigOption  # noqa: TC001 (typer reads it)


def types(
    *,
    config: ConfigOption = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="The file; sourdough_env.py beside the configuration."),
    ] = None,
    check: Annotated[
        bool, typer.Option("--check", help="Write nothing; exit 1 when the file is out of date.")
    ] = False,
) -> None:
    """Write the types of env, for editors and type checkers.

    Every method of a class is there as its stub has it: asynchronous, with its own arguments and
    result. Reads the source and imports nothing. Then: from sourdough_env import Env, and
    class Counter(DurableObject[Env]).
    """
    from sourdough.config.load import find, load
    from sourdough.errors import SourdoughError
    from sourdough_cli.envtypes.env import env_source

    project = load(find(config))
    file = output or Path(project.root) / "sourdough_env.py"
    source = env_source(project)
    written = file.read_text(encoding="utf-8") if file.is_file() else None
    if check and written != source:
        typer.echo(f"{file.name} is out of date: `sourdough types` writes it anew.", err=True)
        raise typer.Exit(ExitCode.FAILED)
    if written != source:
        try:
            file.write_text(source, encoding="utf-8")
        except OSError as error:
            raise SourdoughError(f"{file} cannot be written: {error.strerror}.") from None
    typer.echo(f"{file.name} is up to date." if written == source else f"{file.name} is written.")
