"""Text in columns, measured in terminal cells: a wide character takes two of them."""

from __future__ import annotations

from rich.cells import cell_len, set_cell_size

_CUT = ".."


def cut(text: str, cells: int) -> str:
    """Shorten `text` to at most `cells`, ending in ".." where something was left out."""
    if cell_len(text) <= cells:
        return text
    if cells <= len(_CUT):
        return _CUT[:cells]
    return set_cell_size(text, cells - len(_CUT)).rstrip() + _CUT


def left(text: str, cells: int) -> str:
    """Pad `text` on its right; longer text stays whole."""
    return text + " " * (cells - cell_len(text))


def right(text: str, cells: int) -> str:
    """Pad `text` on its left; longer text stays whole."""
    return " " * (cells - cell_len(text)) + text
