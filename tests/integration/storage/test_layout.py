"""The storage folder describes itself and keeps its ids over changes of the configuration."""

from __future__ import annotations

import json
import os
import shutil
import subprocess

import pytest

from sourdough.errors import StorageError, StorageFormatError
from sourdough.storage.layout import Layout, measure_sync


def test_a_new_folder_is_private_and_says_what_it_is(tmp_path):
    """Only the user may look in; README, .gitignore and namespaces.json are there."""
    root = tmp_path / "deep" / "data"
    layout = Layout.open(root, "counter", ["Counter"])
    assert root.stat().st_mode & 0o777 == 0o700
    assert "sourdough inspect" in (root / "README").read_text()
    assert (root / ".gitignore").read_text() == "*\n"
    assert json.loads((root / "namespaces.json").read_text()) == {
        "format": 2,
        "application": "counter",
        "namespaces": {"Counter": {"storage": "Counter"}},
        "deleted": [],
        "migrations": [],
    }
    assert layout.warnings == ()


def test_the_path_of_an_object_is_its_slot_and_id(tmp_path):
    """`<storage>/<storage name>/<first 12 bits>/<id>.sqlite`, for ever (S14)."""
    raw = bytes.fromhex("abc" + "0" * 61)
    layout = Layout.open(tmp_path, "counter", ["Counter"])
    assert layout.path("Counter", raw) == tmp_path / "Counter" / "abc" / f"{raw.hex()}.sqlite"


def test_a_renamed_application_keeps_its_ids_and_warns(tmp_path):
    """The recorded name goes on making ids; the warning tells how to end it."""
    Layout.open(tmp_path, "counter", ["Counter"])
    layout = Layout.open(tmp_path, "tally", ["Counter"])
    assert layout.application == "counter"
    (warning,) = layout.warnings
    assert "'tally'" in warning.text
    assert 'name = "counter"' in warning.hint


def test_new_classes_are_added_and_old_ones_kept(tmp_path):
    """A class that is gone from the configuration keeps its entry; one mapped by hand its place."""
    Layout.open(tmp_path, "counter", ["Counter"])
    register = tmp_path / "namespaces.json"
    content = json.loads(register.read_text())
    content["namespaces"]["Tally"] = {"storage": "Counter"}
    register.write_text(json.dumps(content))
    layout = Layout.open(tmp_path, "counter", ["Tally", "Chat"])
    assert layout.storage_names == {"Counter": "Counter", "Tally": "Counter", "Chat": "Chat"}
    assert Layout.existing(tmp_path) == layout


def test_a_newer_folder_is_refused(tmp_path):
    """A sentence that names the file and the way out."""
    (tmp_path / "namespaces.json").write_text('{"format": 3, "something": "else"}')
    with pytest.raises(StorageFormatError, match=r"namespaces\.json has format 3") as caught:
        Layout.open(tmp_path, "counter", ["Counter"])
    assert caught.value.hint == "upgrade Sourdough"


@pytest.mark.parametrize("content", ["", "[]", "{", '{"format": 1}', '{"format": "x"}'])
def test_a_damaged_register_is_refused(tmp_path, content):
    """It is not replaced by an empty one: ids depend on it."""
    (tmp_path / "namespaces.json").write_text(content)
    with pytest.raises(StorageError, match="damaged") as caught:
        Layout.open(tmp_path, "counter", ["Counter"])
    assert caught.value.place.endswith("namespaces.json")


def test_an_unusable_folder_is_named(tmp_path):
    """A file where the folder should be: StorageError with place and hint."""
    (tmp_path / "data").write_text("a file")
    with pytest.raises(StorageError, match="cannot be used") as caught:
        Layout.open(tmp_path / "data", "counter", ["Counter"])
    assert caught.value.place == str(tmp_path / "data")
    assert "writable" in caught.value.hint


def test_looking_needs_an_existing_folder(tmp_path):
    """Opening to look creates nothing."""
    with pytest.raises(StorageError, match="not a storage folder"):
        Layout.existing(tmp_path)
    with pytest.raises(StorageError, match="no such storage folder yet"):
        Layout.existing(tmp_path / "data")
    assert list(tmp_path.iterdir()) == []


def test_the_cost_of_a_sync_is_measured(tmp_path):
    """A positive duration, and nothing is left in the folder."""
    assert 0 < measure_sync(tmp_path) < 5
    assert os.listdir(tmp_path) == []


@pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")
def test_git_ignores_the_folder(tmp_path):
    """A storage folder inside a repository is never committed by accident."""
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    Layout.open(tmp_path / "data", "counter", ["Counter"])
    status = subprocess.run(
        ["git", "-C", str(tmp_path), "status", "--porcelain"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert status.stdout == ""
