"""`sourdough check`: the configuration and the code are looked at, nothing is started.

With --json one object is printed: {"ok", "file", "faults": [{"file", "line", "column", "field",
"message", "hint"}], "refusal": {"error", "place", "source", "hint", "traceback"} or null,
"summary": {...} or null}. Exit code 0, 2 for faults of the configuration, 3 for code that does
not load.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import typer

from sourdough_cli.exits import ExitCode
from sourdough_cli.options import ConfigOption, JsonOption  # noqa: TC001  typer reads them at run time

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

    from sourdough.config.fault import ConfigFaults
    from sourdough.config.model import Project
    from sourdough_cli.trial import Refusal


def check(
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Check the configuration and import the code, without starting anything."""
    from sourdough.config.fault import ConfigFaults
    from sourdough.config.load import find, load

    file = find(config)
    try:
        project = load(file)
        _try_migrations(project)
    except ConfigFaults as error:
        _report_faults(error, as_json=as_json)
        raise typer.Exit(ExitCode.CONFIG) from None
    refusal = _try_import(project)
    _report(project, refusal, shown=str(file), as_json=as_json)
    if refusal is not None:
        raise typer.Exit(ExitCode.START)


def _try_migrations(project: Project) -> None:
    """Compare the classes with the storage folder, where there is one; changes nothing there."""
    from sourdough.coordinator.folder import plan_folder

    plan_folder(project, project.storage_path)


def _try_import(project: Project) -> Refusal | None:
    from rich.console import Console

    from sourdough_cli.trial import try_import

    # On stderr and only on a terminal: imports may take seconds, silence is no answer.
    with Console(stderr=True).status("importing the code"):
        return try_import(project)


def _report_faults(error: ConfigFaults, *, as_json: bool) -> None:
    from rich.console import Console

    from sourdough_cli.views.faults import faults_json, faults_text

    if as_json:
        _print_json(file=error.file, faults=faults_json(error))
    else:
        console = Console(stderr=True)
        _print(console, faults_text(error, width=console.width))


def _report(project: Project, refusal: Refusal | None, *, shown: str, as_json: bool) -> None:
    import msgspec
    from rich.console import Console

    from sourdough_cli.views.checked import checked_text, refused_text, summary_json

    if as_json:
        _print_json(
            file=shown,
            refusal=msgspec.to_builtins(refusal),
            summary=summary_json(project),
        )
    elif refusal is not None:
        _print(Console(stderr=True), refused_text(refusal))
    else:
        _print(Console(), checked_text(project, shown=shown))


def _print(console: Console, text: Text) -> None:
    # Wrapped by the view already; a place that is longer than a line must stay in one piece.
    console.print(text, soft_wrap=True, highlight=False)


def _print_json(
    *,
    file: str,
    faults: list[dict[str, Any]] | None = None,
    refusal: dict[str, Any] | None = None,
    summary: dict[str, Any] | None = None,
) -> None:
    shape = {
        "ok": not faults and refusal is None,
        "file": file,
        "faults": faults or [],
        "refusal": refusal,
        "summary": summary,
    }
    typer.echo(json.dumps(shape, indent=2, ensure_ascii=False))
