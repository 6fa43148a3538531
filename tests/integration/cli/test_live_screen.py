"""The live screen in a real terminal, driven through its keys and its size."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import shutil
import signal
import struct
import sys
import termios
import time
from pathlib import Path

import pytest

PROGRAM = Path(__file__).with_name("screen_program.py")
SHOW, HIDE = "\x1b[?25h", "\x1b[?25l"
PATIENCE = 15.0


class Session:
    """A program on a pseudo terminal, and everything it has written."""

    def __init__(self, *command: str, columns: int = 80, lines: int = 24, **env: str) -> None:
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.execvpe(command[0], command, os.environ | {"TERM": "xterm-256color"} | env)
        self.text = ""
        self.resize(columns, lines)

    def resize(self, columns: int, lines: int) -> None:
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))

    def type(self, keys: str) -> None:
        os.write(self.fd, keys.encode())

    def wait_for(self, pattern: str, *, after: int = 0) -> int:
        """Read until `pattern` stands behind position `after`; return where it ends."""
        deadline = time.monotonic() + PATIENCE
        while (found := re.compile(pattern).search(self.text, after)) is None:
            if time.monotonic() > deadline or not self._read():
                raise AssertionError(f"{pattern!r} never came:\n{self.text[after:]!r}")
        return found.end()

    def exit_code(self) -> int:
        while self._read():
            pass
        _, status = os.waitpid(self.pid, 0)
        self.pid = 0
        return os.waitstatus_to_exitcode(status)

    @property
    def modes(self) -> list[object]:
        return termios.tcgetattr(self.fd)

    def close(self) -> None:
        if self.pid:
            os.kill(self.pid, signal.SIGKILL)
            os.kill(self.pid, signal.SIGCONT)
            os.waitpid(self.pid, 0)
        os.close(self.fd)

    def _read(self) -> bool:
        ready, _, _ = select.select([self.fd], [], [], PATIENCE)
        try:
            data = os.read(self.fd, 65536) if ready else b""
        except OSError:  # the other end is closed
            data = b""
        self.text += data.decode("utf-8", "replace")
        return bool(data)


@pytest.fixture
def start():
    sessions = []

    def start(*command: str, **settings) -> Session:
        sessions.append(Session(*(command or (sys.executable, str(PROGRAM))), **settings))
        return sessions[-1]

    yield start
    for session in sessions:
        session.close()


def is_cooked(session: Session) -> bool:
    return bool(session.modes[3] & termios.ICANON and session.modes[3] & termios.ECHO)


def test_log_above_table_below_and_q_ends_it(start):
    """Lines come once, the table stays below, q stops, the terminal is as it was."""
    session = start()
    session.wait_for("q.* quit")
    assert not is_cooked(session)
    session.type("q")
    assert session.exit_code() == 0
    for line in ("http://127.0.0.1:8787", "line 0", "line 1", "line 2", "stray"):
        assert session.text.count(line) == 1
    assert session.text.index("line 2") < session.text.rindex("serving")
    assert session.text.rindex("\x1b[2K") > session.text.rindex("serving")  # wiped at the end
    assert "stopped after 0.3 s" in session.text
    assert session.text.count(HIDE) == session.text.count(SHOW) == 1
    assert session.text.index(HIDE) < session.text.index(SHOW)


def test_keys_do_what_they_say(start):
    """r reloads, l changes the level and names it, ? explains, arrows do nothing."""
    session = start()
    session.wait_for("q.* quit")
    session.type("\x1b[A")
    session.type("r")
    session.wait_for("reloaded counter.py")
    session.type("l")
    session.wait_for("log level: info")
    session.type("?")
    session.wait_for("sourdough inspect")
    session.type("q")
    assert session.exit_code() == 0


def test_ctrl_c_is_a_signal(start):
    """The keys leave Ctrl-C to the server."""
    session = start()
    session.wait_for("q.* quit")
    session.type("\x03")
    assert session.exit_code() == 0
    assert "stopped after" in session.text


def test_an_exception_finds_the_terminal_in_order(start):
    """The cursor is back before the traceback is printed."""
    session = start(PROGRAM_RAISES="1")
    session.wait_for("q.* quit")
    session.type("q")
    assert session.exit_code() == 1
    assert session.text.rindex(SHOW) < session.text.index("RuntimeError: after the screen")


def test_no_color_keeps_the_words(start):
    """NO_COLOR removes every colour; a word still says what the colour said."""
    session = start(NO_COLOR="1")
    session.wait_for("q.* quit")
    session.type("q")
    assert session.exit_code() == 0
    assert "serving" in session.text
    assert not re.search(r"\x1b\[[0-9;]*3[0-7]m", session.text)


def test_a_narrower_window_is_drawn_again(start):
    """The table follows the window and never fills more than its width."""
    session = start(columns=120)
    end = session.wait_for("cpu[^q]*q.* quit")
    session.resize(50, 24)
    os.kill(session.pid, signal.SIGWINCH)
    session.wait_for("quit", after=end)
    assert "cpu" not in session.text[end:]
    session.type("q")
    assert session.exit_code() == 0


def test_nothing_is_written_while_nothing_changes(start):
    """A picture that is the same is not drawn again: terminals keep their selection."""
    session = start(columns=120)
    session.wait_for("q.* quit")
    # Durations move on, once a second and not more often; a number may be skipped.
    session.wait_for(r" ([1-9]|\d\d) s")
    drawings = session.text.count("\x1b[?2026h")
    assert drawings <= 5
    session.type("q")
    assert session.exit_code() == 0


def test_a_stopped_terminal_does_not_hold_up_the_end(start):
    """After Ctrl-S the keys still work, and at the end everything is there (invariant P7)."""
    session = start()
    session.wait_for("q.* quit")
    session.type("\x13")
    session.type("r")
    session.type("q")
    assert session.exit_code() == 0
    assert "stopped after 0.3 s" in session.text
    assert session.text.rindex(SHOW) > session.text.rindex(HIDE)


@pytest.mark.skipif(shutil.which("bash") is None, reason="needs a shell with job control")
def test_ctrl_z_gives_the_terminal_back_and_fg_takes_it(start):
    """Stopped, the shell has a sane terminal and a cursor; continued, the table is back."""
    session = start("bash", "--norc", "--noprofile", "-i", PS1="$ ")
    session.wait_for(r"\$ ")
    session.type(f"{sys.executable} {PROGRAM}\n")
    session.wait_for("q.* quit")
    session.type("\x1a")
    stopped = session.wait_for(r"Stopped[^$]*\$ ")
    assert session.text.rindex(SHOW) > session.text.rindex(HIDE)
    session.type("stty -a\n")
    stopped = session.wait_for(r"[^-]icanon", after=stopped)
    session.type("fg\n")
    again = session.wait_for("q.* quit", after=stopped)
    assert HIDE in session.text[stopped:again]
    session.type("q")
    ended = session.wait_for(r"stopped after[^$]*\$ ", after=again)
    session.type("stty -a; exit\n")
    session.wait_for(r"[^-]icanon", after=ended)
    assert session.exit_code() == 0
