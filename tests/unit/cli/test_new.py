"""`sourdough new` makes a project and harms nothing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import get_type_hints

import pytest

from sourdough.config.load import load
from sourdough.errors import ConfigError
from sourdough_cli.commands.new import new
from sourdough_cli.scaffold import SCHEMA_NAME, template_names


@pytest.fixture(autouse=True)
def _in_an_empty_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def test_it_says_what_was_made_and_what_is_next(capsys):
    """The words of the manual, in columns, every named file there."""
    new(Path("chat-app"))
    text = capsys.readouterr().out
    lines = text.splitlines()
    assert lines[0] == "Created chat-app from template counter"
    assert lines[-1] == "  sourdough dev                 then open http://127.0.0.1:8787"
    assert lines[-2] == "  cd chat-app"
    assert "  chat-app/sourdough.toml       2 hosts, 1 class" in lines
    files = [line.split()[0] for line in lines if line.startswith("  chat-app/")]
    assert len(files) == 4
    assert all(Path(file).is_file() for file in files)


def test_the_project_has_its_name_and_no_faults():
    """The configuration is valid, carries the folder's name and keeps its comments."""
    new(Path("some where/my app"))
    root = Path("some where/my app")
    assert load(root / "sourdough.toml").config.name == "my-app"
    lines = (root / "sourdough.toml").read_text().splitlines()
    assert lines[:2] == [f"#:schema ./{SCHEMA_NAME}", 'name = "my-app"']
    assert "#" in lines[2]
    assert json.loads((root / SCHEMA_NAME).read_text())["title"] == "sourdough.toml"
    assert ".sourdough/" in (root / ".gitignore").read_text()


def test_the_count_of_lines_is_true(capsys):
    """The lines of the class are counted, not guessed."""
    new(Path("a1"))
    source = Path("a1/counter.py").read_text()
    body = source[source.index("class Counter") :].split("\n\n\n")[0]
    assert f"the Durable Object: {body.count(chr(10)) + 1} lines" in capsys.readouterr().out


def test_an_empty_folder_is_taken(tmp_path):
    """`sourdough new .` in an empty folder works."""
    new(Path())
    assert (tmp_path / "counter.py").is_file()


@pytest.mark.parametrize("occupied", ["file", "folder"])
def test_nothing_is_overwritten(occupied):
    """A file, or a folder with anything in it, is refused and left as it was."""
    target = Path("taken")
    if occupied == "folder":
        target.mkdir()
        target /= "counter.py"
    target.write_text("mine")
    with pytest.raises(ConfigError, match="taken already exists") as caught:
        new(Path("taken"))
    assert caught.value.exit_code == 2
    assert target.read_text() == "mine"
    assert sorted(Path().rglob("*.py")) == ([target] if occupied == "folder" else [])


@pytest.mark.parametrize("name", ["random", "sourdough", "a/asyncio"])
def test_names_that_would_shadow_are_refused(name):
    """A project named like a module of Python or of ours is refused (invariant P9)."""
    with pytest.raises(ConfigError, match="cannot be named"):
        new(Path(name))
    assert not Path(name).exists()


def test_every_template_makes_a_project(capsys):
    """Its configuration is valid; what is named is there, folders included."""
    for template in template_names():
        new(Path(f"my-{template}"), template=template)
        root = Path(f"my-{template}")
        assert load(root / "sourdough.toml").config.name == root.name
        assert f"Created my-{template} from template {template}" in capsys.readouterr().out
    assert Path("my-chat/page/chat.html").is_file()


def test_help_names_the_templates():
    """The text is written by hand, so that `--help` reads no folder."""
    (option,) = (each for each in get_type_hints(new, include_extras=True)["template"].__metadata__)
    assert sorted(option.help.rstrip(".").partition(": ")[2].split(" or ")) == template_names()


def test_an_unknown_template_names_the_nearest():
    """The templates that there are, are named."""
    assert "counter" in template_names()
    with pytest.raises(ConfigError, match="did you mean counter"):
        new(Path("x"), template="countr")
