"""Screens: which one is chosen, and what a slow reader costs."""

from __future__ import annotations

import json
import os
import threading

import pytest

from sourdough.clock import SystemClock
from sourdough.observe import records as r
from sourdough_cli.screen.backlog import Backlog
from sourdough_cli.screen.choice import Choice, ScreenKind, choose_screen, reflows
from sourdough_cli.screen.jsonscreen import JsonScreen
from sourdough_cli.screen.output import DescriptorOutput
from sourdough_cli.screen.plain import PlainScreen
from sourdough_cli.screen.stray import StrayOutput
from sourdough_cli.views.keys import key_line

XTERM = {"TERM": "xterm-256color"}


class FakeClock:
    def __init__(self) -> None:
        self.seconds = 100.0

    def now(self) -> float:
        return self.seconds

    def monotonic(self) -> float:
        return self.seconds


def said(text: str) -> r.Output:
    return r.Output(ts=1.0, level="info", text=text)


def no_snapshot():
    raise AssertionError("only the live screen looks at the server")


class Pipe:
    """A pipe whose ends are closed once."""

    def __init__(self) -> None:
        self.read, self.write = os.pipe()
        self._open = {self.read, self.write}

    def close(self, fd: int) -> None:
        if fd in self._open:
            self._open.remove(fd)
            os.close(fd)

    def text(self) -> str:
        """Close the writing end and return what was written."""
        self.close(self.write)
        with open(self.read, closefd=False) as file:
            return file.read()


@pytest.fixture
def pipe():
    pipe = Pipe()
    yield pipe
    pipe.close(pipe.read)
    pipe.close(pipe.write)


@pytest.mark.parametrize(
    ("mode", "terminal", "plain", "env", "choice"),
    [
        ("dev", True, False, XTERM, Choice(ScreenKind.LIVE, colour=True)),
        ("serve", True, False, XTERM, Choice(ScreenKind.LIVE, colour=True)),
        ("dev", True, False, XTERM | {"NO_COLOR": "1"}, Choice(ScreenKind.LIVE, colour=False)),
        ("dev", True, False, XTERM | {"NO_COLOR": ""}, Choice(ScreenKind.LIVE, colour=True)),
        ("dev", True, False, {"TERM": "dumb"}, Choice(ScreenKind.PLAIN, colour=False)),
        ("dev", True, False, {}, Choice(ScreenKind.PLAIN, colour=False)),
        ("dev", True, True, XTERM, Choice(ScreenKind.PLAIN, colour=False)),
        ("dev", False, False, XTERM, Choice(ScreenKind.PLAIN, colour=False)),
        ("serve", False, False, XTERM, Choice(ScreenKind.JSON, colour=False)),
        ("serve", False, True, XTERM, Choice(ScreenKind.PLAIN, colour=False)),
        ("serve", True, True, XTERM, Choice(ScreenKind.PLAIN, colour=False)),
    ],
)
def test_the_choice_of_a_screen(mode, terminal, plain, env, choice):
    """What stdout is and what was asked for decide, nothing else."""
    assert choose_screen(mode=mode, is_terminal=terminal, plain=plain, env=env) == choice


def test_one_process_leaves_the_terminal_to_the_debugger():
    """With user code in this process, no table and no keys get in the way of breakpoint()."""
    choice = choose_screen(mode="dev", is_terminal=True, plain=False, env=XTERM, one_process=True)
    assert choice.kind is ScreenKind.PLAIN


def test_terminals_that_cut_instead_of_wrapping():
    """Only there the old picture keeps its height when the window becomes narrower."""
    assert reflows(XTERM)
    assert not reflows(XTERM | {"XTERM_VERSION": "XTerm(379)"})
    assert not reflows({"TERM": "linux"})


def test_a_full_backlog_drops_with_a_count():
    """What does not fit is lost, and told where it would have stood (invariant P7)."""
    backlog = Backlog(FakeClock(), most_items=2)
    for text in "abcde":
        backlog.put(said(text))
    *kept, last = backlog.take(0)
    assert [record.text for record in kept] == ["a", "b"]
    assert last == r.Dropped(ts=100.0, count=3)
    assert backlog.take(0) == []


def test_a_fast_log_does_not_fill_the_backlog():
    """Requests are folded before they wait, so they cannot push a crash out."""
    clock = FakeClock()
    backlog = Backlog(clock, most_items=60)
    for _ in range(10_000):
        backlog.put(r.RequestServed(ts=1, method="GET", path="/", status=200, ms=1, request_id="1"))
    backlog.put(r.HostCrashed(ts=1, host=1, pid=1, reason="SIGKILL", restart=1))
    clock.seconds += 1
    taken = backlog.take(0)
    assert isinstance(taken[-2], r.HostCrashed)
    assert taken[-1].total == 10_000


def test_a_poke_wakes_without_news():
    """A key or a changed window is drawn at once, not at the next tick."""
    backlog = Backlog(FakeClock())
    backlog.poke(urgent=True)
    assert backlog.rest(60) is False
    assert backlog.take(60) == []


def test_plain_lines_without_escape_sequences(pipe):
    """A pipe gets text and nothing else."""
    screen = PlainScreen(DescriptorOutput(pipe.write), SystemClock())
    screen.start(no_snapshot)
    screen.record(r.HostCrashed(ts=1, host=2, pid=7, reason="SIGKILL", restart=1))
    screen.stop()
    screen.stop()
    text = pipe.text()
    assert text.endswith("host 2 crashed: SIGKILL, restart 1\n")
    assert "\x1b" not in text


def test_json_lines_in_order(pipe):
    """Every record is one JSON object on a line of its own."""
    screen = JsonScreen(DescriptorOutput(pipe.write), SystemClock())
    screen.start(no_snapshot)
    for n in range(20):
        screen.record(said(str(n)))
    screen.stop()
    lines = pipe.text().splitlines()
    assert [json.loads(line)["text"] for line in lines] == [str(n) for n in range(20)]


def test_a_reader_that_left_does_not_matter(pipe):
    """A closed pipe swallows the rest: the server goes on."""
    output = DescriptorOutput(pipe.write)
    screen = PlainScreen(output, SystemClock())
    pipe.close(pipe.read)
    screen.start(no_snapshot)
    screen.record(said("nobody hears this"))
    screen.stop()
    assert output.broken


def test_a_stuck_reader_does_not_delay_the_server(pipe):
    """While the thread hangs in a write, recording stays quick and the end comes (P7)."""
    screen = PlainScreen(DescriptorOutput(pipe.write), SystemClock())
    screen.start(no_snapshot)
    for _ in range(5_000):
        screen.record(said("x" * 1000))
    stopped = threading.Thread(target=screen.stop)
    stopped.start()
    stopped.join(10)
    assert not stopped.is_alive()
    pipe.close(pipe.read)  # lets the hanging write of the abandoned thread fail
    for thread in threading.enumerate():
        if thread.name == "screen":
            thread.join(10)
            assert not thread.is_alive()


def test_held_output_leaves_in_one_piece(pipe):
    """A drawing is one write, however often it is flushed while it is made."""
    output = DescriptorOutput(pipe.write, encoding="ascii")
    output.hold()
    output.write("a")
    output.flush()
    output.write("é")
    output.release()
    assert pipe.text() == "a\\xe9"


def test_stray_prints_become_records():
    """Whole lines are recorded as they end; the last one when the screen ends."""
    records = []
    stray = StrayOutput(records.append, FakeClock(), "warning")
    print("one\ntw", end="", file=stray)
    print("o", file=stray)
    print("three", end="", file=stray)
    stray.finish()
    assert [record.text for record in records] == ["one", "two", "three"]
    assert {record.level for record in records} == {"warning"}


def test_the_key_line_fits_and_names_the_level():
    """A narrow window loses keys from the right, the help last; a level is named in words."""
    assert key_line("debug", width=80).plain == (
        " q quit   r reload   l log level   o open in browser   ? more"
    )
    assert "l log level: warning" in key_line("warning", width=80).plain
    assert key_line("debug", width=30).plain == " q quit   r reload   ? more"
    assert key_line("debug", width=5).cell_len <= 5
