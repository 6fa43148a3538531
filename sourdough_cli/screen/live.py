"""The live screen: the log scrolls, the table stays below it, single keys do things.

    foreground   keys read one by one, cursor hidden, table at the bottom
    background   (Ctrl-Z and bg, or started with &) log lines only; the keyboard is not ours

Which of the two holds is looked at before each drawing, so every way of losing and regaining the
terminal is the same case. Ctrl-Z itself waits until the terminal has been given back.
"""

from __future__ import annotations

from threading import Event
from typing import TYPE_CHECKING, NamedTuple

from rich.text import Text

from sourdough.observe.banner import Banner
from sourdough_cli.screen.browser import open_in_browser
from sourdough_cli.screen.canvas import Canvas
from sourdough_cli.screen.jobcontrol import JobControl
from sourdough_cli.screen.keyboard import Keyboard
from sourdough_cli.screen.plain import item_lines
from sourdough_cli.screen.stray import StrayStreams
from sourdough_cli.screen.worker import WorkerScreen
from sourdough_cli.views.keys import help_lines, key_line
from sourdough_cli.views.levels import LEVELS, is_shown
from sourdough_cli.views.table import table_lines

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sourdough.clock import Clock
    from sourdough.observe.records import AnyRecord
    from sourdough.observe.status import Snapshot
    from sourdough_cli.screen.output import DescriptorOutput
    from sourdough_cli.screen.terminal import Terminal

# How long Ctrl-Z waits for the terminal to be given back before it stops us anyway.
_SUSPEND_SECONDS = 0.5
# In a lower window the table would leave no room for the log; only the keys are shown.
_LEAST_LINES_WITH_TABLE = 8


class Actions(NamedTuple):
    """What the keys ask of the server; callable from any thread."""

    quit: Callable[[], None]
    reload: Callable[[], None]


class LiveScreen(WorkerScreen):
    """Draws on a terminal; `keys` is the descriptor to read keys from, None for none."""

    pause = 0.25

    def __init__(
        self,
        output: DescriptorOutput,
        clock: Clock,
        *,
        terminal: Terminal,
        keys: int | None,
        actions: Actions,
        colour: bool = True,
        reflow: bool = True,
    ) -> None:
        super().__init__(clock)
        self._terminal = terminal
        self._actions = actions
        self._canvas = Canvas(output, colour=colour, reflow=reflow)
        self._level = LEVELS[0]
        self._notes: list[Text] = []
        self._url = ""
        self._keyboard = None if keys is None else Keyboard(keys, terminal, self._on_key)
        self._streams = StrayStreams(self.record, clock)
        self._suspended = False
        self._given_back = Event()
        self._jobs = JobControl(
            give_back=self._suspend, take_again=self._resume, resized=self.backlog.poke
        )

    def start(self, snapshot: Callable[[], Snapshot]) -> None:
        self._jobs.start()
        self._streams.start()
        super().start(snapshot)
        if self._keyboard is not None:
            self._keyboard.start()

    def banner(self, banner: Banner) -> None:
        self._url = banner.url
        super().banner(banner)

    def stop(self) -> None:
        self._streams.stop()
        super().stop()

    def draw(self, items: Sequence[AnyRecord | Banner], snapshot: Callable[[], Snapshot]) -> None:
        self._take_or_leave_terminal()
        size = self._terminal.size
        log = [line for item in items for line in self._log_lines(item, size.columns)]
        notes, self._notes = self._notes, []
        picture: list[Text] = []
        if self._canvas.is_open:
            picture = self._picture(snapshot(), size.columns - 1, size.lines)
        self._canvas.draw([*log, *notes], picture, width=size.columns, height=size.lines)

    def close(self) -> None:
        self._leave_terminal()

    def unblock(self) -> None:
        self._terminal.resume_output()

    def released(self) -> None:
        if self._keyboard is not None:
            self._keyboard.stop()
        self._jobs.stop()
        self._terminal.restore()

    def _log_lines(self, item: AnyRecord | Banner, width: int) -> list[Text]:
        if isinstance(item, Banner):
            return [*item_lines(item, width), Text("")]
        return item_lines(item, width) if is_shown(item, self._level) else []

    def _picture(self, snapshot: Snapshot, width: int, height: int) -> list[Text]:
        keys = [] if self._keyboard is None else [key_line(self._level, width=width)]
        if height < _LEAST_LINES_WITH_TABLE:
            return keys
        room = height - len(keys) - 2  # a line between log and table, and one of the log
        table = table_lines(snapshot, now=self.clock.now(), width=width, height=room)
        return [Text(""), *table, *keys]

    # --- the terminal, ours or not

    def _take_or_leave_terminal(self) -> None:
        ours = self._terminal.is_ours and not self._suspended
        if ours and not self._canvas.is_open:
            if self._keyboard is not None:
                self._terminal.read_keys()
            self._canvas.open()
        elif not ours and self._canvas.is_open:
            self._leave_terminal()
        if self._suspended:
            self._given_back.set()

    def _leave_terminal(self) -> None:
        self._canvas.close()
        self._terminal.restore()

    def _suspend(self) -> None:
        self._given_back.clear()
        self._suspended = True
        self.backlog.poke(urgent=True)
        if not self._given_back.wait(_SUSPEND_SECONDS):  # stuck in a write
            self._terminal.restore()

    def _resume(self) -> None:
        self._suspended = False
        self.backlog.poke(urgent=True)

    # --- keys, in the thread of the keyboard

    def _on_key(self, key: str) -> None:
        handler = {
            "q": self._actions.quit,
            "r": self._actions.reload,
            "l": self._next_level,
            "o": self._open,
            "?": self._help,
        }.get(key.lower())
        if handler is not None:
            handler()
            self.backlog.poke(urgent=True)

    def _next_level(self) -> None:
        self._level = LEVELS[(LEVELS.index(self._level) + 1) % len(LEVELS)]

    def _open(self) -> None:
        if self._url and not open_in_browser(self._url):
            self._notes.append(Text(f"No browser to be found here; the address is {self._url}"))

    def _help(self) -> None:
        self._notes.extend(help_lines(self._url))
