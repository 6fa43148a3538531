"""`sourdough check` reports everything that is wrong, and starts nothing."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import typer

from sourdough.config.fault import ConfigFaults, Fault
from sourdough.config.load import load
from sourdough_cli.commands.check import check
from sourdough_cli.trial import Refusal, read_refusal, trial_command
from sourdough_cli.views.checked import checked_text, refused_text, summary_json
from sourdough_cli.views.faults import faults_text

TOML = """\
name = "chat"
main = "app"
[[durable_objects.bindings]]
name = "COUNTER"
class_name = "Counter"
module = "counter"
[[routes]]
pattern = "/counter/{name}/*"
binding = "COUNTER"
id = "{name}"
"""

ERROR = ConfigFaults(
    "sourdough.toml",
    [
        Fault(
            file="sourdough.toml",
            line=2,
            field="hostCount",
            message='expected a whole number from 0 to 1024, got "four"',
        ),
        Fault(
            file="sourdough.toml",
            line=17,
            field="durable_objects.bindings[0].class_nam",
            message="unknown key",
            hint="did you mean class_name?",
        ),
    ],
)


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A project without faults; the current folder."""
    (tmp_path / "sourdough.toml").write_text(TOML)
    (tmp_path / "counter.py").write_text("class Counter: ...\n")
    (tmp_path / "app.py").write_text("class Default: ...\n")
    monkeypatch.chdir(tmp_path)
    return load(Path("sourdough.toml"))


def test_faults_look_as_in_the_manual():
    """Places first, fields in a column, a long field above its text."""
    assert faults_text(ERROR, width=100).plain == (
        "sourdough.toml has 2 faults\n"
        "\n"
        '  sourdough.toml:2   hostCount           expected a whole number from 0 to 1024, got "four"'
        "\n"
        "  sourdough.toml:17  durable_objects.bindings[0].class_nam\n"
        "                                         unknown key; did you mean class_name?\n"
        "\n"
        "Nothing was started. `sourdough schema` describes every key."
    )


@pytest.mark.parametrize("width", [40, 60, 80, 120])
def test_faults_fit_the_terminal(width):
    """Text is wrapped; only places and fields, which are copied, may be longer."""
    for line in faults_text(ERROR, width=width).plain.splitlines()[:-1]:
        assert len(line) <= width or line.lstrip().startswith("sourdough.toml:")


def test_text_of_the_file_cannot_move_the_cursor():
    """Control characters in keys and values are written out."""
    fault = Fault(file="f", line=1, field="a\x1b[2J", message="got \x1b]0;x")
    assert "\x1b" not in faults_text(ConfigFaults("f", [fault]), width=80).plain


def test_faults_as_json(project, capsys):
    """--json prints one object with every fault; the exit code is 2."""
    Path("sourdough.toml").write_text(TOML.replace("Counter", "Conter"))
    with pytest.raises(typer.Exit) as caught:
        check(as_json=True)
    assert caught.value.exit_code == 2
    found = json.loads(capsys.readouterr().out)
    assert found["ok"] is False
    assert found["summary"] is None
    (fault,) = found["faults"]
    assert (fault["file"], fault["line"], fault["hint"]) == (
        "sourdough.toml",
        5,
        "did you mean Counter?",
    )


def test_faults_for_people_go_to_stderr(project, capsys):
    """Nothing is on stdout when there is nothing good to say."""
    Path("sourdough.toml").write_text(f"hostCont = 1\n{TOML}")
    with pytest.raises(typer.Exit):
        check()
    streams = capsys.readouterr()
    assert streams.out == ""
    assert streams.err.startswith("sourdough.toml has 1 fault\n")


def test_the_trial_names_every_class_and_the_entrypoint(project):
    """The host gets the pairs of module and class, as it will when it serves."""
    command = trial_command(project)
    assert command[1:5] == ["-P", "-m", "sourdough.host", "--check"]
    assert command[5:] == [
        *("--root", str(project.root)),
        *("--module", "counter", "--class", "Counter"),
        *("--main", "app"),
    ]


def test_the_summary_says_what_would_run(project):
    """Name, classes, routes, hosts, storage and limits, each on its line."""
    text = checked_text(project, shown="sourdough.toml").plain
    assert text.startswith("sourdough.toml is fine\n")
    assert "  classes   COUNTER  counter.Counter\n" in text
    assert "  routes    /counter/{name}/*  COUNTER {name}\n" in text
    assert "  hosts     2\n" in text
    assert summary_json(project)["classes"][0]["durability"] == "disk"


def run(code):
    """Run Python and return what a trial gets to see of it."""
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)


def test_what_the_host_says_is_found_among_prints():
    """Prints of user code before and after it do no harm."""
    said = '{"error": "ValueError: x", "place": "counter.py:3", "source": "y", "hint": null}'
    done = run(f"print('noise'); print('{said}'); print('more'); raise SystemExit(3)")
    assert read_refusal(done) == Refusal(error="ValueError: x", place="counter.py:3", source="y")


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("import os; os._exit(9)", "exit code 9"),
        ("import os; os.kill(os.getpid(), 11)", "SIGSEGV"),
        ("print('[]'); raise SystemExit(3)", "exit code 3"),
        ("raise SystemExit(3)", "exit code 3"),
    ],
)
def test_other_ends_of_the_trial_are_named(code, expected):
    """Exits and crashes at import have a sentence too."""
    refusal = read_refusal(run(code))
    assert refusal is not None
    assert refusal.error.endswith(expected)


def test_success_is_no_refusal():
    """Exit code 0 is fine."""
    assert read_refusal(run("")) is None


def test_a_refusal_says_what_where_and_what_to_do():
    """Error, place with its source line, hint."""
    refusal = Refusal(error="ValueError: x", place="counter.py:3", source="  y\n", hint="Do z.")
    assert refused_text(refusal).plain == (
        "The code does not load: ValueError: x\n  counter.py:3    y\nDo z."
    )
