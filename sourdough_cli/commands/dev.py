"""`sourdough dev`: run the project here, show everything, reload on save."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated

import typer

from sourdough_cli.exits import ExitCode
from sourdough_cli.options import ConfigOption  # noqa: TC001 (typer reads it at run time)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sourdough.config.model import Project


def dev(
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
        typer.Option(
            help="Processes that run your code; 0 is one process for all, where breakpoint() works.",
            min=0,
            max=1024,
        ),
    ] = None,
    module: Annotated[
        str | None,
        typer.Option(help="Run one class without a configuration: its module, with --class."),
    ] = None,
    class_name: Annotated[
        str | None, typer.Option("--class", help="The class to run, with --module.")
    ] = None,
    clean: Annotated[
        bool, typer.Option("--clean", help="Delete all objects of the storage folder first.")
    ] = False,
    memory: Annotated[
        bool,
        typer.Option("--memory", help="Store in a temporary folder that is deleted at the end."),
    ] = False,
    plain: Annotated[
        bool, typer.Option("--plain", help="Print lines only: no colour, no table, no keys.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask before --clean.")] = False,
) -> None:
    """Run the project here and reload it on save.

    The address, the routes and the storage folder are printed at the start. Ctrl-C stops: requests
    that run may end first; a second Ctrl-C stops at once.
    """
    project = _project(config, module, class_name)
    with _storage(project, memory=memory) as storage:
        if clean:
            _clean(storage, yes=yes)
        from sourdough.coordinator.options import ServerOptions
        from sourdough_cli.serving import run_server

        settings = project.config.dev
        options = ServerOptions(
            project=project,
            mode="dev",
            host=settings.host if host is None else host,
            port=settings.port if port is None else port,
            gateways=settings.gateways,
            hosts=project.config.host_count if hosts is None else hosts,
            standby=settings.standby,
            drain_timeout=settings.drain_timeout,
            storage=storage,
            memory=memory,
        )
        code = run_server(options, plain=plain)
    raise typer.Exit(code)


def _project(config: Path | None, module: str | None, class_name: str | None) -> Project:
    from sourdough.config.load import find, for_class, load

    if module is None and class_name is None:
        return load(find(config))
    if module is None or class_name is None:
        raise typer.BadParameter("--module and --class belong together.")
    if config is not None:
        raise typer.BadParameter("--config already says which classes to run.")
    return for_class(module, class_name, Path())


@contextmanager
def _storage(project: Project, *, memory: bool) -> Iterator[Path]:
    if not memory:
        yield project.storage_path
        return
    with TemporaryDirectory(prefix="sourdough-", ignore_cleanup_errors=True) as folder:
        yield Path(folder)


def _clean(storage: Path, *, yes: bool) -> None:
    """Delete the objects of a folder that no server uses, after asking."""
    from sourdough.coordinator.lock import FolderLock
    from sourdough_cli.cleaning import contents_of, delete
    from sourdough_cli.views.numbers import counted, size

    if not storage.is_dir():
        return
    with FolderLock.acquire(storage):
        contents = contents_of(storage)
        if not contents.entries:
            return
        what = f"{counted(contents.objects, 'object')} ({size(contents.octets)}) in {storage}"
        if not yes:
            _confirm(what)
        delete(contents)
    typer.echo(f"deleted {what}", err=True)


def _confirm(what: str) -> None:
    if not sys.stdin.isatty():
        typer.echo(f"--clean would delete {what}; add --yes to do it.", err=True)
        raise typer.Exit(ExitCode.FAILED)
    if not typer.confirm(f"Delete {what}?", err=True):
        raise typer.Exit(ExitCode.FAILED)
