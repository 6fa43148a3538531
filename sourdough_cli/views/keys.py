"""The keys of the live screen, in one table: the line below the table and the longer help."""

from __future__ import annotations

from typing import NamedTuple

from rich.text import Text

from sourdough_cli.views.columns import left
from sourdough_cli.views.palette import DETAIL


class Key(NamedTuple):
    """A key, its word in the line below the table, and its sentence in the help."""

    key: str
    word: str
    sentence: str


KEYS = (
    Key("q", "quit", "stop the server; again to stop at once (the same as Ctrl-C)"),
    Key("r", "reload", "load the code anew, as if a file had been saved"),
    Key("l", "log level", "show less: everything, info, warnings, errors"),
    Key("o", "open in browser", "open the server's address in a browser"),
    Key("?", "more", "this help"),
)


def key_line(level: str, *, width: int) -> Text:
    """Return one line naming the keys; what does not fit is left out, "?" last of all."""
    parts = [Text.assemble((key.key, "bold"), f" {_word(key, level)}") for key in KEYS]
    while len(parts) > 1 and _length(parts) > width:
        del parts[-2]
    line = Text("   ").join(parts)
    line.truncate(max(width - 1, 0))
    return Text.assemble(" ", line, style=DETAIL)


def help_lines(url: str) -> list[Text]:
    """Return what "?" prints: the keys, and the commands that look at a running server."""
    return [
        Text(""),
        *(Text.assemble("  ", (left(key.key, 4), "bold"), key.sentence) for key in KEYS),
        Text(""),
        Text(f"  {url}"),
        Text("  sourdough status            the same table, from anywhere; --json for programs"),
        Text("  sourdough ls COUNTER        the objects of a binding"),
        Text("  sourdough inspect COUNTER:a one object: values, tables, alarm, sockets"),
        Text(""),
    ]


def _word(key: Key, level: str) -> str:
    if key.key == "l" and level != "debug":
        return f"{key.word}: {level}"
    return key.word


def _length(parts: list[Text]) -> int:
    return 1 + sum(part.cell_len for part in parts) + 3 * (len(parts) - 1)
