"""Each record as a line for people."""

from __future__ import annotations

import typing
from datetime import UTC

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sourdough.observe import records as r
from sourdough_cli.views.levels import LEVELS, is_shown, level_of
from sourdough_cli.views.lines import record_lines

TS = 1_795_171_327.5  # 10:42:07 UTC

OK = r.RequestServed(
    ts=TS,
    method="POST",
    path="/counter/a/increment",
    status=200,
    ms=0.6,
    request_id="7f3a91",
    class_name="Counter",
    object="a",
)
RAISED = msgspec.structs.replace(
    OK,
    path="/counter/a/boom",
    status=500,
    ms=0.9,
    request_id="7f3a95",
    error="ValueError: negative step",
    error_at="counter.py:31 in increment",
)
CUT_SHORT = msgspec.structs.replace(
    OK,
    path="/counter/b/increment",
    object="b",
    status=503,
    ms=1.2,
    request_id="7f3a99",
    note="in flight at the crash; was not repeated",
)
EXAMPLES: tuple[r.AnyRecord, ...] = (
    OK,
    msgspec.structs.replace(
        OK, method="GET", path="/missing", status=404, class_name=None, object=None
    ),
    RAISED,
    CUT_SHORT,
    msgspec.structs.replace(OK, path="/counter/" + "long" * 30),
    r.RequestsFolded(ts=TS, total=1204, ok=1201, failed=3, p50=0.4, p99=1.2),
    r.HostCrashed(
        ts=TS, host=2, pid=41202, reason="SIGKILL (out of memory?)", restart=1, running="Counter:a"
    ),
    r.HostRecovered(ts=TS, host=2, pid=41388, ms=84),
    r.GatewayCrashed(ts=TS, gateway=1, pid=41200, reason="exit code 1", restart=1),
    r.ChildBackingOff(ts=TS, child="host 2", seconds=4, restarts=5),
    r.HostStuck(ts=TS, host=1, pid=41201, seconds=30, running="Counter:a"),
    r.ObjectQuarantined(ts=TS, object="Counter:a", seconds=60, reason="exit code 1"),
    r.QuarantineLifted(ts=TS, object="Counter:a", reason="its time is over"),
    r.ReloadDone(ts=TS, files=("counter.py",), ms=140, objects=119),
    r.ReloadFailed(
        ts=TS,
        files=("counter.py",),
        error="SyntaxError: '(' was never closed",
        serving=True,
        place="counter.py:17",
        source='    value = self.ctx.storage.get("value", 0',
    ),
    r.ReloadFailed(
        ts=TS,
        files=("a.py", "b.py", "c.py", "d.py"),
        error="ValueError: no",
        serving=True,
        traceback="Traceback (most recent call last):\n  File a.py, line 1\nValueError: no",
    ),
    r.ReloadFailed(
        ts=TS,
        files=(),
        error="ModuleNotFoundError: No module named 'nothere'",
        serving=False,
        place="counter.py:4",
        source="import nothere",
    ),
    r.ScheduledRan(ts=TS, cron="*/5 * * * *", scheduled=TS - 7.5, ms=12.5),
    r.ScheduledRan(ts=TS, cron="0 3 * * *", scheduled=TS, ms=2, error="ValueError: no"),
    r.Migrated(ts=TS, text="the class Counter is Tally now, with the objects it had"),
    r.ChildBackingOff(ts=TS, child="host 2", seconds=4, restarts=5, standby=True),
    r.ServerStarted(
        ts=TS,
        url="http://127.0.0.1:8787",
        pid=41199,
        hosts=2,
        storage=".sourdough",
        durability="disk",
        ms=412,
    ),
    r.Output(ts=TS, level="info", text="hello\tworld", class_name="Counter", object="a", host=1),
    r.Output(ts=TS, level="warning", text="first\nsecond", host=2),
    r.Warned(ts=TS, text="The disk is slow.", hint="Is it a network folder?"),
    r.Dropped(ts=TS, count=1204),
    r.ServerStopping(ts=TS, events=2, objects=119),
    r.DrainWaiting(
        ts=TS, object="Counter:a", what="fetch", seconds=12, place="counter.py:40 await slow()"
    ),
    r.ServerStopped(ts=TS, seconds=0.3, clean=True),
    r.ServerStopped(ts=TS, seconds=30, clean=False),
)


def all_lines(width):
    return [line for record in EXAMPLES for line in record_lines(record, width=width, zone=UTC)]


def plain(record, width=120):
    return [line.plain for line in record_lines(record, width=width, zone=UTC)]


def test_pictures_of_every_kind_of_record(check_picture):
    """One line of every kind, as a person sees it."""
    check_picture("lines", all_lines)


@pytest.mark.parametrize("kind", typing.get_args(r.AnyRecord))
def test_every_kind_of_record_has_an_example(kind):
    """A new kind of record is noticed here, not by the first server that sends one."""
    assert any(type(record) is kind for record in EXAMPLES)


@pytest.mark.parametrize("record", EXAMPLES, ids=lambda record: type(record).__name__)
def test_every_kind_of_record_has_a_level(record):
    """The table of levels is complete."""
    assert level_of(record) in LEVELS


def test_a_narrow_terminal_loses_the_id_then_the_object():
    """The request log drops the id at 80 columns and the object below that."""
    assert "7f3a91" in plain(OK, 120)[0]
    assert "7f3a91" not in plain(OK, 80)[0]
    assert "Counter:a" in plain(OK, 80)[0]
    assert "Counter:a" not in plain(OK, 60)[0]


def test_a_success_is_one_line_that_fits():
    """A long path is shortened, so that the columns stand below each other."""
    long = msgspec.structs.replace(OK, path="/" + "x" * 300, object="y" * 300)
    for width in (60, 80, 120, 200):
        (line,) = plain(long, width)
        assert len(line) <= width
        assert ".." in line


def test_nothing_of_a_failure_is_cut():
    """The path, the object, the error and its place are there whole."""
    failed = msgspec.structs.replace(RAISED, path="/" + "x" * 300, object="y" * 300)
    shown = "\n".join(plain(failed, 80))
    assert "x" * 300 in shown
    assert "y" * 300 in shown
    assert "ValueError: negative step   counter.py:31 in increment" in shown


def test_a_note_stands_below_where_it_does_not_fit():
    """Why a request failed is beside it in a wide terminal and below it in a narrow one."""
    beside = msgspec.structs.replace(CUT_SHORT, note="was not repeated")
    assert plain(beside, 120)[0].endswith("was not repeated")
    assert plain(CUT_SHORT, 80)[1].strip() == "in flight at the crash; was not repeated"


def test_colours_of_users_are_dropped_and_tabs_widened():
    """A coloured line of user code is plain text here."""
    output = r.Output(ts=TS, level="info", text="\x1b[31mred\x1b[0m\tx\x07")
    assert plain(output) == ["10:42:07  red     x\\x07"]


def test_levels_hide_what_matters_less():
    """At "warning" a served request is hidden, a failed one is shown, and so is the end."""
    assert not is_shown(OK, "warning")
    assert is_shown(RAISED, "warning")
    assert is_shown(r.ServerStopped(ts=TS, seconds=1, clean=True), "error")


def _hostile(record, text):
    return msgspec.structs.replace(
        record,
        **{
            name: text
            for name in record.__struct_fields__
            if isinstance(getattr(record, name), str) and name not in ("level", "durability")
        },
    )


@given(
    text=st.text(
        alphabet=st.characters(max_codepoint=0x2100) | st.sampled_from("\u202e\u2028\x9b\x1b\udcff")
    )
)
@settings(max_examples=50, deadline=None)
def test_no_text_of_strangers_commands_the_terminal(text):
    """Whatever a path, a name or an error holds, a line holds only visible characters."""
    for record in EXAMPLES:
        for line in record_lines(_hostile(record, text), width=100, zone=UTC):
            unsafe = [char for char in line.plain if ord(char) < 32 or 0x7F <= ord(char) < 0xA0]
            assert not unsafe
            assert "\u202e" not in line.plain
            assert "\u2028" not in line.plain
