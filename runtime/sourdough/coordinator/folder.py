"""Opens the storage folder of a project, with the migrations that its configuration asks for.

What the folder refuses is a fault of the configuration, told at its line.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sourdough.config.load import located_at
from sourdough.config.register import RefusedMigrationError
from sourdough.observe.records import Migrated, Warned
from sourdough.storage.layout import Layout, prepare

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from sourdough.clock import Clock
    from sourdough.config.model import Project


def open_folder(project: Project, storage: Path) -> Layout:
    """Create or open a folder, and apply the migrations that are new; its lock is the caller's.

    Raises ConfigFaults for migrations that do not fit it, StorageError.
    """
    prepare(storage)
    layout = plan_folder(project, storage)
    layout.commit()
    return layout


def plan_folder(project: Project, storage: Path) -> Layout:
    """Return the layout that `commit` would bring about; raises as `open_folder`, writes nothing."""
    config = project.config
    classes = [binding.class_name for binding in config.bindings]
    try:
        return Layout.planned(storage, config.name, classes, config.lifecycle)
    except RefusedMigrationError as error:
        raise located_at(project, error.problem) from error


def records_of(layout: Layout, clock: Clock, *, mode: str = "serve") -> Iterator[Migrated | Warned]:
    """Yield what people should know of an opened folder.

    A program ("library") binds classes as it uses them: one without a binding may only be late.
    """
    for text in layout.told:
        yield Migrated(ts=clock.now(), text=text)
    for notice in layout.warnings:
        if notice.unbound and mode == "library":
            continue
        yield Warned(ts=clock.now(), text=notice.text, hint=notice.hint)
