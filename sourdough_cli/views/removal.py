"""What `sourdough rm` says before and after. Pure: inspection -> text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.text import Text

from sourdough_cli.views.escape import escape
from sourdough_cli.views.numbers import counted, size
from sourdough_cli.views.palette import BROKEN

if TYPE_CHECKING:
    from sourdough.coordinator.inspection import Inspection, Removed, RemovedClass


def removal_lines(found: Inspection) -> list[Text]:
    """Return what is about to be deleted, with the whole id."""
    name = f' "{escape(found.name)}"' if found.name is not None else ""
    head = Text.assemble(("This deletes", BROKEN), f" {escape(found.class_name)}{name} for good:")
    return [head, Text(f"  {found.id}"), Text(f"  {_content(found)}")]


def removed_lines(removed: Removed) -> list[Text]:
    """Return what was deleted."""
    name = f' "{escape(removed.name)}"' if removed.name is not None else f" {removed.id}"
    return [Text(f"Deleted {escape(removed.storage_name)}{name}: {size(removed.size)} freed.")]


def class_removal_lines(found: RemovedClass) -> list[Text]:
    """Return what is about to be deleted of a class."""
    bound = f", which is bound as {escape(found.binding)}" if found.binding else ""
    objects = counted(found.objects, "object")
    return [
        Text.assemble(
            ("This deletes", BROKEN),
            f" {objects} of the class {escape(found.class_name)}{bound} for good:",
        ),
        Text(f"  {size(found.size)} in {escape(found.storage_name)}"),
    ]


def class_removed_lines(found: RemovedClass, *, objects: int, freed: int) -> list[Text]:
    """Return what of a class was deleted so far; of many objects, there are several such lines."""
    done = counted(objects, "object")
    return [Text(f"Deleted {done} of {escape(found.class_name)}: {size(freed)} freed.")]


def _content(found: Inspection) -> str:
    report, sockets = found.report, found.sockets.open if found.sockets is not None else 0
    clients = [counted(sockets, "WebSocket")] if sockets else []
    if report is None:
        return ", ".join(["nothing is stored yet", *clients])
    parts = [counted(report.entry_count, "key"), counted(len(report.tables), "table")]
    alarm = ["an alarm"] if report.alarm is not None else []
    facets = [f"{counted(len(report.facets), 'facet')} beside it"] if report.facets else []
    own = size(report.file_size + report.wal_size)
    return ", ".join([*parts, *alarm, *clients, own, *facets])
