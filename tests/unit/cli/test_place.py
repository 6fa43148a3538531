"""Where a reading command looks."""

from __future__ import annotations

from pathlib import Path

import pytest

from sourdough.errors import ConfigError
from sourdough_cli.place import find_place

GOOD = """
name = "app"
[[durable_objects.bindings]]
name = "COUNTER"
class_name = "Counter"
module = "counter"
[storage]
path = "data"
"""


@pytest.fixture
def project(tmp_path, monkeypatch):
    """The current folder is a project that stores in `data`."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "sourdough.toml").write_text(GOOD)
    (tmp_path / "counter.py").write_text("class Counter: ...\n")
    return tmp_path


def test_the_configuration_says_where(project):
    """The storage folder is relative to the configuration, shown relative to here."""
    place = find_place(None, None)
    assert place.storage == project / "data"
    assert place.shown == "data"
    assert place.project.config.name == "app"


def test_the_option_wins_and_keeps_the_project(project):
    """--storage names the folder; the bindings still come from the configuration."""
    place = find_place(None, Path("elsewhere"))
    assert (place.storage, place.shown) == (Path("elsewhere"), "elsewhere")
    assert place.project is not None


def test_a_broken_configuration_does_not_hide_what_is_stored(project):
    """With a fault in it, the default folder beside the configuration is looked at."""
    (project / "sourdough.toml").write_text("name = ")
    place = find_place(project / "sourdough.toml", None)
    assert place.storage == project / ".sourdough"
    assert place.project is None


def test_no_configuration_means_the_default_folder_here(tmp_path, monkeypatch):
    """A library's storage folder has no sourdough.toml beside it."""
    monkeypatch.chdir(tmp_path)
    assert find_place(None, None).storage == Path(".sourdough")


def test_a_configuration_that_was_asked_for_has_to_be_there(tmp_path):
    """-c with a wrong path is a mistake and not a wish for the default."""
    with pytest.raises(ConfigError):
        find_place(tmp_path / "missing.toml", None)
