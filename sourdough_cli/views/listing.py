"""A page of objects as `sourdough ls` prints it. Pure: listing -> text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.text import Text

from sourdough_cli.views.columns import cut, left
from sourdough_cli.views.escape import escape
from sourdough_cli.views.numbers import ago, count, counted, short_id
from sourdough_cli.views.palette import DETAIL

if TYPE_CHECKING:
    from sourdough.coordinator.listing import ListedObject, Listing

_GAP = "  "
_MOST_TITLE_CELLS = 24
_LEAST_NAME_CELLS = 12
_ID_CELLS = 14
_AGE_CELLS = 14


def listing_lines(listing: Listing, *, now: float, width: int, command: str) -> list[Text]:
    """Return a page as lines of at most `width` cells; `command` is what shows the next page."""
    if not listing.objects:
        return [Text("No objects." if not listing.total else "No more objects.")]
    titles = [_title(each) for each in listing.objects]
    title_cells = min(max(map(len, (*titles, "binding"))), _MOST_TITLE_CELLS)
    name_cells = max(
        width - title_cells - _ID_CELLS - _AGE_CELLS - 3 * len(_GAP), _LEAST_NAME_CELLS
    )
    head = _line("binding", "id", "created", "name", title_cells)
    lines = [Text(head, DETAIL)]
    lines += [
        Text(
            _line(
                cut(title, title_cells),
                short_id(each.id),
                _age(each, now),
                _name(each, name_cells),
                title_cells,
            )
        )
        for title, each in zip(titles, listing.objects, strict=True)
    ]
    return [*lines, *_footer(listing, command)]


def _line(title: str, short: str, age: str, name: str, title_cells: int) -> str:
    columns = (left(title, title_cells), left(short, _ID_CELLS), left(age, _AGE_CELLS), name)
    return _GAP.join(columns).rstrip()


def _title(each: ListedObject) -> str:
    return escape(each.binding or f"({each.class_name})")


def _name(each: ListedObject, cells: int) -> str:
    return "-" if each.name is None else cut(f'"{escape(each.name)}"', cells)


def _age(each: ListedObject, now: float) -> str:
    return "-" if each.created is None else ago(now - each.created)


def _footer(listing: Listing, command: str) -> list[Text]:
    if listing.next is None:
        return [Text(counted(listing.total, "object"), DETAIL)]
    shown = f"{count(len(listing.objects))} of {counted(listing.total, 'object')}; the next:"
    # Never cut: the command is there to be copied.
    return [Text(shown, DETAIL), Text(f"{command} --after {escape(listing.next)}")]
