"""What `sourdough call` and `fetch` read from a command line, and how they show what came back."""

from __future__ import annotations

import datetime as dt

import pytest

from sourdough.errors import SourdoughError
from sourdough.wire.messages import Answered
from sourdough_cli.sending import read_data, read_headers
from sourdough_cli.views.answer import answer_json
from sourdough_cli.views.value import json_value, value_lines
from sourdough_cli.words import read_arguments


def test_arguments_are_json_by_place_and_by_name():
    """A name in front of "=" makes it one that is passed by name."""
    words = ["3", '"a=b"', "[1, null]", "by=2", 'note="x=y"']
    assert read_arguments(words) == ((3, "a=b", [1, None]), {"by": 2, "note": "x=y"})


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["text"], "Arguments are JSON, and text is not."),
        (["by=text"], "Arguments are JSON, and text is not."),
        (["by=1", "2"], "2 has no name"),
        (["by=1", "by=2"], "by is given twice"),
    ],
)
def test_what_is_no_argument(words, text):
    """One sentence each; the command line is wrong, which is exit code 2."""
    with pytest.raises(SourdoughError) as raised:
        read_arguments(words)
    assert text in raised.value.message
    assert raised.value.exit_code == 2


def test_a_word_that_is_no_json_is_shown_as_a_text():
    """The hint is what to type, quotes included."""
    with pytest.raises(SourdoughError) as raised:
        read_arguments(["a b"])
    assert raised.value.hint == "For a text: '\"a b\"'."


def test_values_as_json():
    """What JSON cannot say becomes the nearest that it can."""
    value = {
        "a": (1, 2.5, float("nan"), None, True), 3: b"\0\1", "d": dt.date(2026, 1, 31),
        "s": frozenset({7}), "t": dt.datetime(2026, 1, 31, 10, tzinfo=dt.UTC),
    }  # fmt: skip
    assert json_value(value) == {
        "a": [1, 2.5, None, None, True], "3": {"base64": "AAE="}, "d": "2026-01-31", "s": [7],
        "t": "2026-01-31T10:00:00+00:00",
    }  # fmt: skip


def test_values_for_people():
    """As Python writes them, broken over lines where they are long, and harmless."""
    assert [line.plain for line in value_lines({"a": 1}, width=80)] == ["{'a': 1}"]
    assert len(value_lines(list(range(100)), width=40)) > 10
    assert "\x1b" not in value_lines("\x1b[2J", width=80)[0].plain


def test_headers_and_bodies(tmp_path):
    """ "Name: value", a text, or a file."""
    assert read_headers(["X-A: 1", "x-a:2"]) == (("X-A", "1"), ("x-a", "2"))
    (tmp_path / "body").write_bytes(b"\0file")
    assert [read_data(each) for each in (None, "text", f"@{tmp_path}/body")] == [
        b"", b"text", b"\0file",
    ]  # fmt: skip


@pytest.mark.parametrize("line", ["no colon", "bad name: x", "x: a\nb"])
def test_what_is_no_header(line):
    """It cannot be sent, and the sentence says so."""
    with pytest.raises(SourdoughError, match="header"):
        read_headers([line])


def test_a_body_that_is_not_there(tmp_path):
    """A file that cannot be read is named."""
    with pytest.raises(SourdoughError, match="cannot be read"):
        read_data(f"@{tmp_path}/none")


def test_an_answer_as_json():
    """A body that is text as text, any other in base64."""
    told = answer_json(Answered(status=200, headers=(("a", "b"),), body="\xe4".encode()))
    assert told == {
        "status": 200, "headers": (("a", "b"),), "text": "\xe4", "base64": None, "cut": False,
    }  # fmt: skip
    assert answer_json(Answered(status=200, body=b"\xff"))["base64"] == "/w=="
