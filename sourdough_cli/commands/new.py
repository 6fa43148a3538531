"""`sourdough new DIR`: a project that runs at once."""

from __future__ import annotations

from pathlib import Path  # noqa: TC003  typer reads the annotations at run time
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from sourdough_cli.scaffold import Scaffold


def new(
    directory: Annotated[Path, typer.Argument(help="The new folder; its name names the project.")],
    template: Annotated[
        str, typer.Option("--template", "-t", help="What to begin with: counter or chat.")
    ] = "counter",
) -> None:
    """Create a project from a template. Nothing that exists is overwritten."""
    from rich.console import Console

    from sourdough_cli.scaffold import scaffold
    from sourdough_cli.views.created import created_text

    made = scaffold(directory, template)
    text = created_text(made, class_lines=_lines_of_class(made))
    Console().print(text, soft_wrap=True, highlight=False)


def _lines_of_class(made: Scaffold) -> int:
    """Count the lines of the first class, as they are on the disk."""
    import ast

    for reference in made.project.config.classes[:1]:
        file = made.directory.joinpath(*reference.module.split(".")).with_suffix(".py")
        for node in ast.parse(file.read_bytes()).body:
            if isinstance(node, ast.ClassDef) and node.name == reference.class_name:
                return (node.end_lineno or node.lineno) - node.lineno + 1
    return 0
