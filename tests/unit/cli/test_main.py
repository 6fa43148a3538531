"""The command itself: its help, its errors, its exit codes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from sourdough.errors import FolderInUseError, SourdoughError, StartError, StorageError
from sourdough_cli.exits import ExitCode, exit_code_of
from sourdough_cli.main import COMMANDS, load_command, run

HEAVY = ("apsw", "asyncio", "msgspec", "rich", "sourdough.config", "uvloop", "watchfiles")


@pytest.fixture
def call(monkeypatch, capfd, tmp_path):
    """Return a function that runs `sourdough ARGS` in an empty folder: code, stdout, stderr."""
    monkeypatch.chdir(tmp_path)

    def call(*args: str):
        monkeypatch.setattr(sys, "argv", ["sourdough", *args])
        monkeypatch.setattr(sys, "excepthook", sys.excepthook)
        with pytest.raises(SystemExit) as ended:
            run()
        out, err = capfd.readouterr()
        return int(ended.value.code or 0), out, err

    return call


def test_help_lists_every_command(call):
    """Each command stands in the list with its sentence."""
    code, out, _ = call("--help")
    assert code == 0
    for name, summary in COMMANDS.items():
        assert f"  {name} " in out
        assert summary in out


def test_help_imports_nothing_heavy():
    """`sourdough --help` pays for typer alone; this is what keeps it below 150 ms."""
    assert _imported_by("--help", HEAVY) == []


def test_a_command_imports_no_pydantic():
    """What reads the command line would spend more time on it than on all of Sourdough."""
    assert _imported_by("schema", ["msgspec", "pydantic"]) == ["msgspec"]


def _imported_by(command, names):
    program = (
        "import sys\nfrom sourdough_cli.main import run\n"
        f"sys.argv = ['sourdough', {command!r}]\n"
        "try:\n    run()\nexcept SystemExit:\n    pass\n"
        f"print('\\nIMPORTED', *(name for name in {names!r} if name in sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=30, check=True
    )
    return done.stdout.splitlines()[-1].split()[1:]


@pytest.mark.parametrize("flag", ["--version", "-V"])
def test_version(call, flag):
    """The version is one line that scripts can read."""
    code, out, _ = call(flag)
    assert code == 0
    assert out.startswith("sourdough ")
    assert len(out.split()) == 2


def test_an_unknown_command_names_the_nearest(call):
    """A slip of the keyboard is answered with what was meant."""
    code, _, err = call("dve")
    assert code == ExitCode.CONFIG
    assert "Did you mean 'dev'?" in err


@pytest.mark.parametrize("name", ["dev", "serve"])
def test_commands_explain_themselves(call, name):
    """Each command has a help of its own, without starting anything."""
    code, out, _ = call(name, "--help")
    assert code == 0
    assert f"Usage: sourdough {name}" in out
    assert "--hosts" in out


@pytest.mark.parametrize("name", ["dev", "serve"])
def test_a_missing_configuration_is_a_sentence(call, name):
    """An error is a sentence, a place and a hint on stderr, never a traceback."""
    code, out, err = call(name, "-c", "nowhere.toml")
    assert code == ExitCode.CONFIG
    assert out == ""
    assert "There is no nowhere.toml." in err
    assert "sourdough new" in err
    assert "Traceback" not in err


def test_module_and_class_belong_together(call):
    """Half of a pair is refused before anything starts."""
    code, _, err = call("dev", "--module", "counter")
    assert code == ExitCode.CONFIG
    assert "--module and --class belong together" in err


def test_faults_of_the_configuration_are_listed(call):
    """All faults are shown with their lines."""
    Path("sourdough.toml").write_text('name = "x"\nhostCount = "four"\nhostcuont = 2\n')
    code, _, err = call("serve")
    assert code == ExitCode.CONFIG
    assert "sourdough.toml:2" in err
    assert "sourdough.toml:3" in err


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (SourdoughError("x"), ExitCode.FAILED),
        (StartError("x"), ExitCode.START),
        (StorageError("x"), ExitCode.STORAGE),
        (FolderInUseError("x"), ExitCode.IN_USE),
    ],
)
def test_exit_codes_tell_the_kind(error, code):
    """A script learns from the code what went wrong."""
    assert exit_code_of(error) == code


def test_clean_needs_a_yes_without_a_terminal(call, monkeypatch):
    """Deleting says what it would delete, and does nothing unasked."""
    Path("counter.py").write_text("class Counter: ...\n")
    database = Path(".sourdough/Counter/7f3/aa.sqlite")
    database.parent.mkdir(parents=True)
    database.write_bytes(b"x" * 2048)
    with open(os.devnull) as nothing:
        monkeypatch.setattr(sys, "stdin", nothing)
        code, _, err = call("dev", "--module", "counter", "--class", "Counter", "--clean")
    assert code == ExitCode.FAILED
    assert "1 object (2 KB)" in err
    assert "--yes" in err
    assert database.exists()


def test_commands_are_typer_commands():
    """A command found by name carries that name."""
    assert load_command("dev").name == "dev"
