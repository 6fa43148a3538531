"""The `sourdough` command: which commands there are, and how errors end them.

A command's module is imported when the command is called and not before, so `sourdough --help`
and every single command pay only for what they use.
"""

from __future__ import annotations

import os
import sys
from importlib import import_module
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer
from typer.core import TyperGroup

from sourdough_cli.exits import ExitCode, exit_code_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from sourdough.errors import SourdoughError

# Name -> the line of `sourdough --help`. The code is the function of the same name in
# sourdough_cli/commands/<name>.py; its docstring is the command's own help.
COMMANDS = {
    "new": "Create a project from a template.",
    "dev": "Run the project here and reload it on save.",
    "serve": "Run the project as a server.",
    "check": "Check the configuration and the code without starting anything.",
    "schema": "Print the JSON schema of sourdough.toml.",
    "status": "Show the processes of a running server.",
    "ls": "List the objects of a class.",
    "inspect": "Show one object: where it lives, its values, its tables.",
    "call": "Call a method of an object and print what it returns.",
    "fetch": "Send an HTTP request to an object and print its answer.",
    "types": "Write the types of env, for editors and type checkers.",
    "rm": "Delete objects and everything they stored.",
    "trigger": "Run the entrypoint's scheduled() now, on the running server.",
    "lift": "End the quarantine of an object: it is tried again.",
}


class LazyGroup(TyperGroup):
    """Replaces a command's one-line placeholder by the real command when it is called."""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        if args and args[0] in COMMANDS:
            self.add_command(load_command(args[0]), args[0])
        return super().resolve_command(ctx, args)


def load_command(name: str) -> Any:
    """Import one command and return it as typer wants it."""
    module = import_module(f"sourdough_cli.commands.{name}")
    function = cast("Callable[..., None]", getattr(module, name))
    single = typer.Typer(add_completion=False, rich_markup_mode=None)
    single.command(name)(function)
    return typer.main.get_command(single)


def build_app() -> typer.Typer:
    """Declare every command by its name and its line of help."""
    app = typer.Typer(
        cls=LazyGroup,
        no_args_is_help=True,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback()(sourdough)
    for name, summary in COMMANDS.items():
        app.command(name, help=summary)(_placeholder)
    return app


def sourdough(
    version: Annotated[
        bool,
        typer.Option(
            "--version",
            "-V",
            help="Print the version and exit.",
            is_eager=True,
            callback=lambda asked: _print_version(asked=asked),
        ),
    ] = False,
) -> None:
    """Durable Objects for Python, on your own machine."""


def _print_version(*, asked: bool) -> None:
    if asked:
        typer.echo(f"sourdough {installed_version()}")
        raise typer.Exit


def installed_version() -> str:
    """Return the version of the installed package, or "unknown" in a bare source tree."""
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("sourdough-runtime")
    except PackageNotFoundError:
        return "unknown"


def run() -> None:
    """Run `sourdough` with the arguments of this process, and exit."""
    _open_standard_streams()
    try:
        build_app()(prog_name="sourdough")
    except KeyboardInterrupt:
        sys.exit(ExitCode.INTERRUPTED)
    except Exception as error:  # noqa: BLE001 (the last place that can say what happened)
        sys.exit(_end_with(error))


def _open_standard_streams() -> None:
    """Open what whoever started us has closed: the next socket would get its number, and be it."""
    missing = [number for number in (0, 1, 2) if not _is_open(number)]
    for number in missing:
        # The lowest free number is taken, which is this one.
        os.open(os.devnull, os.O_RDONLY if number == 0 else os.O_WRONLY)


def _is_open(descriptor: int) -> bool:
    try:
        os.fstat(descriptor)
    except OSError:
        return False
    return True


def _end_with(error: Exception) -> int:
    """Say what happened and return the exit code that tells its kind."""
    from sourdough.errors import SourdoughError as Known  # here: it brings the whole library

    if isinstance(error, Known):
        _report(error)
        return exit_code_of(error)
    _report_bug()
    return ExitCode.BUG


def _report(error: SourdoughError) -> None:
    from rich.console import Console

    from sourdough.config.fault import ConfigFaults
    from sourdough_cli.views.error import error_text
    from sourdough_cli.views.faults import faults_text

    console = Console(stderr=True, highlight=False)
    if isinstance(error, ConfigFaults):
        text = faults_text(error, width=console.width)
    else:
        text = error_text(error)
    console.print(text, soft_wrap=True)


def _report_bug() -> None:
    import traceback

    traceback.print_exc()
    typer.echo(
        f"\nThis is a bug in Sourdough {installed_version()}, not in your code: "
        "please report it with the lines above.",
        err=True,
    )


def _placeholder() -> None:
    """Stand for a command in the list; LazyGroup never lets it run."""
    raise AssertionError("a command's placeholder was called")
