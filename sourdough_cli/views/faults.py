"""Every fault of a configuration at once. Pure: faults -> text, or JSON data.

    sourdough.toml has 2 faults

      sourdough.toml:2  hostCount           expected a whole number from 0 to 1024, got "four"
      sourdough.toml:7  durable_objects.bindings[0].class_nam
                                            unknown key; did you mean class_name?

    Nothing was started. `sourdough schema` describes every key.

Places are never cut or wrapped, so that they can be copied; where they leave no room for the
text, it stands below them.
"""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Any

from rich.cells import cell_len
from rich.text import Text

from sourdough_cli.views.columns import left
from sourdough_cli.views.escape import escape
from sourdough_cli.views.palette import BROKEN, DETAIL

if TYPE_CHECKING:
    from sourdough.config.fault import ConfigFaults, Fault

_FIELD_CELLS = 20
_GAP = 2
# Narrower text is a column of single words.
_LEAST_TEXT_CELLS = 30


def faults_text(error: ConfigFaults, *, width: int) -> Text:
    """Return what a person sees, at most `width` cells wide where the places allow it."""
    columns = _Columns(error, width)
    text = Text()
    text.append(escape(error.title), BROKEN)
    text.append("\n\n")
    for fault in error.faults:
        columns.add(text, fault)
    if error.hint:
        text.append(f"\n{error.hint}", DETAIL)
    return text


def faults_json(error: ConfigFaults) -> list[dict[str, Any]]:
    """Return the faults as JSON data: file, line, column, field, message, hint."""
    return [
        {
            "file": fault.file,
            "line": fault.line,
            "column": fault.column,
            "field": fault.field or None,
            "message": fault.message,
            "hint": fault.hint,
        }
        for fault in error.faults
    ]


class _Columns:
    """The columns that all faults of one error share."""

    def __init__(self, error: ConfigFaults, width: int) -> None:
        self._place = max((cell_len(escape(fault.place)) for fault in error.faults), default=0)
        self._field = _FIELD_CELLS if any(fault.field for fault in error.faults) else 0
        self._indent = _GAP + self._place + _GAP + self._field
        self._is_stacked = width - self._indent < _LEAST_TEXT_CELLS
        if self._is_stacked:
            self._indent = 2 * _GAP
        self._cells = max(width - self._indent, _LEAST_TEXT_CELLS)

    def add(self, text: Text, fault: Fault) -> None:
        field = escape(fault.field)
        head = f"  {left(escape(fault.place), self._place)}  {field}".rstrip()
        lines = textwrap.wrap(
            escape(fault.text), self._cells, break_long_words=False, break_on_hyphens=False
        )
        text.append(head)
        if self._is_stacked or cell_len(field) > max(self._field - _GAP, 0):
            text.append("\n" + " " * self._indent)
        else:
            text.append(" " * (self._indent - cell_len(head)))
        text.append(("\n" + " " * self._indent).join(lines))
        text.append("\n")
