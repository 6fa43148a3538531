"""Which screen fits: a pure decision."""

from __future__ import annotations

from enum import Enum, auto
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping


class ScreenKind(Enum):
    """The three ways to show a server."""

    LIVE = auto()
    PLAIN = auto()
    JSON = auto()


class Choice(NamedTuple):
    """A kind of screen, and whether it may use colours."""

    kind: ScreenKind
    colour: bool


def choose_screen(
    *, mode: str, is_terminal: bool, plain: bool, env: Mapping[str, str], one_process: bool = False
) -> Choice:
    """Choose by what stdout is and what was asked for.

    `one_process`: user code runs in this process, where `breakpoint()` needs the terminal for
    itself. NO_COLOR counts when it is set and not empty (https://no-color.org).
    """
    if mode == "serve" and not is_terminal and not plain:
        return Choice(ScreenKind.JSON, colour=False)
    if plain or one_process or not is_terminal or env.get("TERM", "dumb") in ("dumb", "unknown"):
        return Choice(ScreenKind.PLAIN, colour=False)
    return Choice(ScreenKind.LIVE, colour=not env.get("NO_COLOR"))


def reflows(env: Mapping[str, str]) -> bool:
    """Say whether the terminal wraps old lines anew when it becomes narrower.

    Almost all do. xterm, GNU screen and the Linux console cut them off instead.
    """
    return not ("XTERM_VERSION" in env or "STY" in env or env.get("TERM") == "linux")
