"""The first lines of a server: what it is, where it listens, where it stores, what it watches."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.text import Text

from sourdough_cli.views.columns import left
from sourdough_cli.views.escape import escape
from sourdough_cli.views.numbers import counted
from sourdough_cli.views.palette import DETAIL

if TYPE_CHECKING:
    from sourdough.observe.banner import Banner

_FIRST_COLUMN = 29  # where routes, durability and the number of files begin
_MOST_ROUTES = 8


def banner_lines(banner: Banner, *, width: int) -> list[Text]:
    """Return the lines of a banner; in a narrow terminal the second column moves below."""
    storage = _storage(banner)
    return [
        _title(banner, width),
        *_rows(f"  {banner.url}", _routes(banner), width),
        *_rows(f"  storage {storage}", [_durability(banner)], width),
        *_rows(f"  reload  {_reload(banner)}", _watched(banner), width),
    ]


def _title(banner: Banner, width: int) -> Text:
    line = Text.assemble(
        ("sourdough", "bold"), f" {banner.version}   {escape(banner.name)}   {banner.mode}"
    )
    python = f"python {banner.python}"
    gap = max(min(width, 80) - line.cell_len - len(python), 3)
    return Text.assemble(line, " " * gap, (python, DETAIL))


def _rows(head: str, seconds: list[str], width: int) -> list[Text]:
    """Put `seconds` into the column beside `head`, or below it where they do not fit."""
    if not seconds:
        return [Text(head)]
    beside = max(_FIRST_COLUMN + 2, Text(head).cell_len + 3)
    if all(beside + Text(second).cell_len <= width for second in seconds):
        first, *rest = seconds
        return [
            Text.assemble(left(head, beside), first),
            *(Text(" " * beside + second) for second in rest),
        ]
    return [Text(head), *(Text(f"    {second}") for second in seconds)]


def _routes(banner: Banner) -> list[str]:
    shown = banner.routes[:_MOST_ROUTES]
    bindings = max((len(escape(route.binding)) for route in shown), default=0)
    patterns = max((len(escape(route.pattern)) for route in shown), default=0)
    lines = [
        f"{left(escape(route.binding), bindings)}  {left(escape(route.pattern), patterns)}"
        f"   {escape(route.target)}"
        for route in shown
    ]
    if len(banner.routes) > _MOST_ROUTES:
        lines.append(f"and {counted(len(banner.routes) - _MOST_ROUTES, 'more route')}")
    if banner.entrypoint is not None:
        rest = "everything else" if shown else "every request"
        lines.append(f"{rest} goes to {escape(banner.entrypoint)}")
    return lines or ["no routes: nothing can be reached over HTTP"]


def _storage(banner: Banner) -> str:
    return "a temporary folder" if banner.memory else escape(banner.storage)


def _durability(banner: Banner) -> str:
    if banner.memory:
        return "deleted when the server stops"
    if banner.durability == "memory":
        return "not durable: lost when the process ends"
    if banner.durability == "os":
        return "survives a crash of the processes, not of the machine"
    if banner.sync_seconds is None:
        return "durable on disk"
    return f"durable on disk, this disk syncs in {banner.sync_seconds * 1000:.2g} ms"


def _reload(banner: Banner) -> str:
    return "on request" if banner.watched_files is None else "on save"


def _watched(banner: Banner) -> list[str]:
    if banner.watched_files is None:
        return []
    return [f"{counted(banner.watched_files, 'file')} watched"]
