"""Each record is one JSON object on one line."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sourdough.observe import records as r
from sourdough_cli.views.jsonlines import json_line, moment

TS = 1_795_171_335.031


def test_a_crash_as_documented():
    """Keys and values are those of the page of the terminal."""
    record = r.HostCrashed(ts=TS, host=2, pid=41202, reason="SIGKILL", restart=1)
    assert json_line(record) == (
        '{"ts":"2026-11-20T10:42:15.031Z","level":"error","event":"host.crashed",'
        '"host":2,"pid":41202,"reason":"SIGKILL","restart":1}'
    )


def test_user_output_keeps_its_own_level():
    """What code logged as a warning is a warning."""
    record = r.Output(ts=TS, level="warning", text="x", class_name="Counter", request_id="7")
    assert json.loads(json_line(record)) == {
        "ts": "2026-11-20T10:42:15.031Z",
        "level": "warning",
        "event": "stdout",
        "text": "x",
        "class_name": "Counter",
        "request_id": "7",
    }


def test_an_unknown_level_is_info():
    """A level that nobody knows does not reach a log collector."""
    assert json.loads(json_line(r.Output(ts=TS, level="loud", text="x")))["level"] == "info"


@pytest.mark.parametrize(("status", "level"), [(200, "info"), (404, "info"), (503, "error")])
def test_the_level_of_a_request(status, level):
    """Faults of the server are errors, mistakes of clients are not."""
    record = r.RequestServed(ts=TS, method="GET", path="/", status=status, ms=1 / 3, request_id="1")
    shown = json.loads(json_line(record))
    assert shown["level"] == level
    assert shown["ms"] == 0.333


@pytest.mark.parametrize(
    ("ts", "text"), [(0.0, "1970-01-01T00:00:00.000Z"), (TS, "2026-11-20T10:42:15.031Z")]
)
def test_moments_have_milliseconds(ts, text):
    """A whole second has the same width as any other moment."""
    assert moment(ts) == text


@given(text=st.text() | st.sampled_from(["\udcff", "\x9b2J", "\u202eabc", "a\nb", "\x7f"]))
@settings(max_examples=100, deadline=None)
def test_one_printable_line_whatever_the_text(text):
    """A line is one line, valid JSON, without a character that a terminal obeys."""
    line = json_line(r.Output(ts=TS, level="info", text=text))
    assert all(ord(char) >= 32 and not 0x7F <= ord(char) < 0xA0 for char in line)
    assert "\u202e" not in line
    shown = json.loads(line)["text"]
    if not any(0xD800 <= ord(char) < 0xE000 for char in text):
        assert shown == text
