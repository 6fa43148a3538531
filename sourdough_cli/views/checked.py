"""What `sourdough check` says about a project. Pure: project -> text, or JSON data."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rich.text import Text

from sourdough_cli.views.columns import left
from sourdough_cli.views.escape import escape, escape_output
from sourdough_cli.views.palette import BROKEN, DETAIL, GOOD

if TYPE_CHECKING:
    from sourdough.config.model import Config, Project, Route
    from sourdough_cli.trial import Refusal

_LABEL_CELLS = 10
# The limits that a client meets first, with the name of their unit.
_SHOWN_LIMITS = (
    ("body_bytes", "bytes of body"),
    ("request_timeout", "s for a response"),
    ("object_queue", "events waiting for one object"),
    ("connections", "connections of a gateway"),
)


def checked_text(project: Project, *, shown: str) -> Text:
    """Return the summary of a project that could be started; `shown` names its configuration."""
    text = Text()
    text.append(f"{escape(shown)} is fine", GOOD)
    text.append("\n")
    for label, value in _rows(project):
        text.append(f"  {left(label, _LABEL_CELLS)}", DETAIL)
        text.append(f"{escape(value)}\n")
    text.rstrip()
    return text


def refused_text(refusal: Refusal) -> Text:
    """Return why the code cannot be hosted: what, where, what to do."""
    text = Text()
    text.append(f"The code does not load: {escape(refusal.error)}", BROKEN)
    if refusal.place:
        text.append(f"\n  {escape(refusal.place)}    {escape((refusal.source or '').strip())}")
    elif refusal.traceback:
        for line in refusal.traceback.splitlines():
            text.append(f"\n  {escape_output(line)}", DETAIL)
    if refusal.hint:
        text.append(f"\n{escape(refusal.hint)}")
    text.rstrip()
    return text


def summary_json(project: Project) -> dict[str, Any]:
    """Return the summary as JSON data."""
    config = project.config
    return {
        "name": config.name,
        "root": str(project.root),
        "storage": str(project.storage_path),
        "durability": config.storage.durability,
        "host_count": config.host_count,
        "main": config.main,
        "classes": [
            {
                "binding": binding.name,
                "module": binding.module,
                "class_name": binding.class_name,
                "durability": config.durability_of(binding.class_ref),
            }
            for binding in config.bindings
        ],
        "routes": [
            {"pattern": route.pattern, "binding": route.binding, "id": _identity(route)}
            for route in config.routes
        ],
    }


def _rows(project: Project) -> list[tuple[str, str]]:
    config = project.config
    rows = [("name", config.name)]
    if config.main is not None:
        rows.append(("main", config.main))
    rows += _several(
        "classes", [f"{each.name}  {each.module}.{each.class_name}" for each in config.bindings]
    )
    rows += _several(
        "routes",
        [f"{each.pattern}  {each.binding} {_identity(each)}" for each in config.routes],
    )
    rows.append(("hosts", str(config.host_count)))
    rows.append(("storage", f"{config.storage.path}, durable: {config.storage.durability}"))
    return rows + _several("limits", _limits(config))


def _several(label: str, values: list[str]) -> list[tuple[str, str]]:
    return [(label if index == 0 else "", value) for index, value in enumerate(values)]


def _limits(config: Config) -> list[str]:
    shown = []
    for name, unit in _SHOWN_LIMITS:
        value = getattr(config.limits, name)
        shown.append(f"{name} {value:,.15g} {unit}" if value else f"{name}: none")
    return shown


def _identity(route: Route) -> str:
    return route.id if route.id is not None else f"id {route.id_hex}"
