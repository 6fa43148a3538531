"""One served request as an aligned line, with what went wrong below it.

    time      method  path                   object          status  time    request id

A narrow terminal loses the request id first, then the object. A successful request never takes
more than one line; of a failed one nothing is cut, the terminal may wrap it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.cells import cell_len
from rich.text import Text

from sourdough_cli.views.columns import cut, left, right
from sourdough_cli.views.escape import escape
from sourdough_cli.views.numbers import latency
from sourdough_cli.views.palette import BROKEN, DETAIL, PLAIN

if TYPE_CHECKING:
    from sourdough.observe.records import RequestServed

_INDENT = " " * 10
_METHOD = 7
_OBJECT = 16
_ID = 12
_WITH_OBJECT = 72
_WITH_ID = 96
_PATH_MIN, _PATH_MAX = 12, 40
# Everything but path, object and id: time, method, status, duration and the gaps between them.
_FIXED = 8 + 2 + _METHOD + 1 + 2 + 3 + 2 + 8


def is_failure(record: RequestServed) -> bool:
    """Say whether the server, not the client, is at fault; such a line is always shown whole."""
    return record.status >= 500 or record.error is not None or record.note is not None


def request_lines(record: RequestServed, *, clock: str, width: int) -> list[Text]:
    """Return the line of a request and, where it failed, the lines that say why."""
    failed = is_failure(record)
    path_cells = _path_cells(width)
    path = escape(record.path)
    line = Text.assemble(
        (clock, DETAIL),
        "  ",
        left(escape(record.method), _METHOD),
        " ",
        left(path if failed else cut(path, path_cells), path_cells),
        "  ",
    )
    if width >= _WITH_OBJECT:
        name = _object(record)
        line.append(left(name if failed else cut(name, _OBJECT), _OBJECT))
        line.append("  ")
    line.append(f"{record.status:>3}", BROKEN if failed else PLAIN)
    line.append(f"  {right(latency(record.ms), 8)}")
    if width >= _WITH_ID:
        line.append(f"  {cut(escape(record.request_id), _ID)}", DETAIL)
    return [*_with_note(line, record.note, width), *_error_lines(record)]


def _path_cells(width: int) -> int:
    taken = _FIXED
    taken += _OBJECT + 2 if width >= _WITH_OBJECT else 0
    taken += _ID + 2 if width >= _WITH_ID else 0
    return min(max(width - taken, _PATH_MIN), _PATH_MAX)


def _object(record: RequestServed) -> str:
    if record.class_name is None:
        return "-"
    if record.object is None:
        return escape(record.class_name)
    return escape(f"{record.class_name}:{record.object}")


def _with_note(line: Text, note: str | None, width: int) -> list[Text]:
    if not note:
        return [line]
    shown = escape(note)
    if line.cell_len + 2 + cell_len(shown) <= width:
        return [Text.assemble(line, "  ", (shown, BROKEN))]
    return [line, Text.assemble(_INDENT, (shown, BROKEN))]


def _error_lines(record: RequestServed) -> list[Text]:
    if record.error is None:
        return []
    line = Text.assemble(_INDENT, (escape(record.error), BROKEN))
    if record.error_at is not None:
        line.append(f"   {escape(record.error_at)}")
    return [line]
