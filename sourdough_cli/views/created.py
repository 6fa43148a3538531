"""What `sourdough new` says. Pure: scaffold -> text."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING

from rich.text import Text

from sourdough_cli.views.columns import left
from sourdough_cli.views.escape import escape
from sourdough_cli.views.palette import DETAIL, GOOD

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sourdough.config.model import Config
    from sourdough_cli.scaffold import Scaffold

_LEAST_CELLS = 28
_GAP = 2


def created_text(made: Scaffold, *, class_lines: int) -> Text:
    """Return what was made and what to do next; class_lines counts those of its first class."""
    rows = [
        (escape(str(made.directory / file)), note)
        for file, note in _notes(made.project.config, made.files, class_lines)
    ]
    cells = max(_LEAST_CELLS, *(len(path) for path, _ in rows)) + _GAP
    text = Text()
    text.append("Created ", GOOD)
    text.append(f"{escape(str(made.directory))} from template {made.template}\n")
    for path, note in rows:
        text.append(f"  {left(path, cells)}")
        text.append(f"{note}\n", DETAIL)
    text.append("\nNext\n")
    if made.directory != Path():
        text.append(f"  cd {escape(shlex.quote(str(made.directory)))}\n")
    dev = made.project.config.dev
    text.append(f"  {left('sourdough dev', cells)}")
    text.append(f"then open http://{dev.host}:{dev.port}", DETAIL)
    return text


def _notes(config: Config, files: tuple[Path, ...], class_lines: int) -> Iterator[tuple[Path, str]]:
    """Yield the files worth opening, in that order, each with what it is."""
    modules = {_file(module) for module in config.modules}
    for reference in config.classes[:1]:
        yield _file(reference.module), f"the Durable Object: {class_lines} lines"
    if config.main is not None:
        yield _file(config.main.partition(":")[0]), "the entrypoint: the page at /"
    yield Path("sourdough.toml"), f"{_count(config.host_count, 'host')}, {_classes(config)}"
    for file in files:
        if file.name.startswith("test_") and file not in modules:
            yield file, "its test"


def _file(module: str) -> Path:
    return Path(*module.split(".")).with_suffix(".py")


def _classes(config: Config) -> str:
    number = len(config.classes)
    return f"{number} class" if number == 1 else f"{number} classes"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
