"""Makes a new project from a template: a complete small project that is copied and renamed.

Nothing that exists is ever overwritten.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

import tomli_w

from sourdough.config.load import FILE_NAME, application_name, load
from sourdough.config.modulename import shadowed
from sourdough.config.nearest import suggest
from sourdough.config.positions import key_lines
from sourdough.config.schema import json_schema
from sourdough.errors import ConfigError, SourdoughError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from importlib.resources.abc import Traversable

    from sourdough.config.model import Project

SCHEMA_NAME = ".sourdough-schema.json"

# What running a template in place leaves behind.
_LEFT_OUT = frozenset({"__pycache__", ".pytest_cache", ".ruff_cache", ".sourdough", ".venv"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Scaffold:
    """A project that was made. files are relative to directory, in the order of their names."""

    directory: Path
    template: str
    files: tuple[Path, ...]
    project: Project


def scaffold(directory: Path, template: str) -> Scaffold:
    """Make a project in a new or empty directory.

    Raises ConfigError when the directory or the template cannot be used, SourdoughError when a
    file cannot be written.
    """
    source = _template(template)
    _refuse_shadows(directory)
    _refuse_occupied(directory)
    name = application_name(directory.resolve().name)
    try:
        files = tuple(_write(source, directory, name))
    except OSError as error:
        raise SourdoughError(
            f"{error.filename or directory} cannot be written: {error.strerror}."
        ) from error
    project = load(directory / FILE_NAME)
    return Scaffold(directory=directory, template=template, files=files, project=project)


def template_names() -> list[str]:
    """Return the names of the templates that there are."""
    return sorted(each.name for each in _templates().iterdir() if (each / FILE_NAME).is_file())


def _templates() -> Traversable:
    """Return the templates of the wheel, or those beside a checkout."""
    package = resources.files("sourdough_cli")
    packed = package / "_templates"
    if packed.is_dir():
        return packed
    return Path(str(package)).parent / "templates"


def _template(name: str) -> Traversable:
    names = template_names()
    if name not in names:
        hint = suggest(name, names, otherwise="the templates are")
        raise ConfigError(f'There is no template "{name}"; {hint}')
    return _templates() / name


def _refuse_shadows(directory: Path) -> None:
    name = directory.resolve().name
    what = shadowed(name)
    if what is not None:
        raise ConfigError(
            f'A project cannot be named "{name}": {what}.', hint="Choose another name."
        )


def _refuse_occupied(directory: Path) -> None:
    try:
        occupied = directory.exists() and (not directory.is_dir() or any(directory.iterdir()))
    except OSError as error:
        raise ConfigError(f"{directory} cannot be read: {error.strerror}.") from error
    if occupied:
        raise ConfigError(
            f"{directory} already exists and is not empty.", hint="Nothing was changed."
        )


def _write(source: Traversable, directory: Path, name: str) -> Iterator[Path]:
    for path, file in sorted(_files(source, Path())):
        target = directory / path
        target.parent.mkdir(parents=True, exist_ok=True)
        data = file.read_bytes()
        target.write_bytes(_renamed(data, name) if path == Path(FILE_NAME) else data)
        yield path
    # Beside the configuration, whose first line points to it: editors need no network.
    schema = json.dumps(json_schema(), indent=2) + "\n"
    (directory / SCHEMA_NAME).write_text(schema, encoding="utf-8")
    yield Path(SCHEMA_NAME)


def _files(folder: Traversable, at: Path) -> Iterator[tuple[Path, Traversable]]:
    for each in folder.iterdir():
        if each.name in _LEFT_OUT:
            continue
        if each.is_dir():
            yield from _files(each, at / each.name)
        else:
            yield at / each.name, each


def _renamed(configuration: bytes, name: str) -> bytes:
    """Replace the line with the application's name, keeping everything else with its comments."""
    text = configuration.decode()
    lines = text.splitlines(keepends=True)
    lines[key_lines(text)["name",] - 1] = tomli_w.dumps({"name": name})
    return "".join(lines).encode()
