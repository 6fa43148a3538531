"""What keeps a server from starting: one exit code each, and the place in words."""

from __future__ import annotations

import json
import shutil
import socket
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from sourdough.ids import IdFactory
from tests.system.client import Client
from tests.system.conftest import NO_STANDBY
from tests.system.editing import edit
from tests.system.server import RunningServer, command

if TYPE_CHECKING:
    from subprocess import CompletedProcess


@pytest.fixture
def counters(project):
    return project("counters", NO_STANDBY)


def refused(project: Path, *words: str) -> CompletedProcess[str]:
    """Run `sourdough serve` where it cannot start."""
    return command(project, "serve", "--port", "0", *words)


def test_a_malformed_configuration_is_two(counters):
    """Exit 2, with file and line."""
    edit(counters / "sourdough.toml", "hostCount = 2", "hostCount = = 2")
    result = refused(counters)
    assert result.returncode == 2
    assert "sourdough.toml:3" in result.stderr


def test_an_unknown_key_is_two(counters):
    """Exit 2, with file, line and the nearest key."""
    edit(counters / "sourdough.toml", "hostCount", "hostCuont")
    result = refused(counters)
    assert result.returncode == 2
    assert "sourdough.toml:3" in result.stderr
    assert "hostCount" in result.stderr


def test_a_missing_module_is_two(counters):
    """Exit 2: the configuration names a file that is not there."""
    edit(counters / "sourdough.toml", "counters.py", "conuters.py")
    result = refused(counters)
    assert result.returncode == 2, result.stderr
    assert "conuters" in result.stderr


def test_a_wrong_class_is_told_before_anything_serves(counters):
    """The class is not in the module: said with module, class and a hint."""
    edit(counters / "sourdough.toml", '"Counter"', '"Conuter"')
    result = refused(counters)
    assert result.returncode in {2, 3}, result.stderr
    assert "Conuter" in result.stderr
    assert "Counter" in result.stderr


def test_an_import_error_ends_serve_with_three(counters):
    """Design 6: code that cannot be loaded is final for `serve`, with file and line."""
    edit(counters / "counters.py", "import asyncio\n", "import asyncio\nimport no_such_module\n")
    result = refused(counters)
    assert result.returncode == 3, result.stderr
    assert "counters.py:6" in result.stderr
    assert "no_such_module" in result.stderr


def test_code_that_ends_the_process_at_import_ends_serve_with_three(counters):
    """Design 6: a host that cannot start is final, also when it dies without a word."""
    edit(counters / "counters.py", "VERSION = 0", "__import__('os')._exit(9)")
    result = refused(counters)
    assert result.returncode == 3, result.stderr
    assert "exit code 9" in result.stderr


@pytest.mark.parametrize("hosts", ["2", "0"])
def test_dev_waits_for_the_save_that_repairs_an_import(counters, hosts):
    """Design 6: `dev` says what is wrong and serves after the next good save."""
    edit(counters / "counters.py", "VERSION = 0", "VERSION = undefined")
    with RunningServer(counters, "dev", "--hosts", hosts, ready=False) as server:
        server.wait_for_line(lambda line: "NameError" in line)
        server.wait_for_line(lambda line: "counters.py:" in line)
        edit(counters / "counters.py", "VERSION = undefined", "VERSION = 5")
        line = server.wait_for_line(lambda line: "  serving http" in line)
        url = next(word for word in line.split() if word.startswith("http://"))
        with Client(url) as client:
            assert client.get("/direct/a/version").json() == {"version": 5}


def test_a_taken_port_is_three(counters):
    """Exit 3, naming the port and the way out."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        result = command(counters, "serve", "--port", port)
    assert result.returncode == 3, result.stderr
    assert port in result.stderr
    assert "--port" in result.stderr


def test_a_storage_folder_that_cannot_be_written_is_four(counters):
    """Exit 4, naming the folder; here a file stands where the folder should be."""
    (counters / ".sourdough").write_text("in the way")
    result = refused(counters)
    assert result.returncode == 4, result.stderr
    assert ".sourdough" in result.stderr
    assert "Traceback" not in result.stderr


def test_a_storage_folder_on_a_read_only_file_system_is_four(project):
    """Exit 4 also where making the folder is what fails."""
    counters = project("counters", '[storage]\npath = "/proc/sourdough"\n')
    result = refused(counters)
    assert result.returncode == 4, result.stderr
    assert "/proc/sourdough" in result.stderr
    assert "Traceback" not in result.stderr


def test_a_folder_in_use_is_five_and_names_its_server(counters):
    """P4: the second start names the pid and the command that looks at the first."""
    with RunningServer(counters, "serve", "--hosts", "0") as server:
        result = refused(counters)
        assert result.returncode == 5, result.stderr
        assert str(server.pid) in result.stderr
        assert "sourdough status" in result.stderr
        with Client(server.url) as client:
            assert client.get("/direct/a/").status == 200


# --- formats of a later version (S14)


@pytest.fixture(scope="module")
def original(shared_project):
    """A project whose objects have been used."""
    counters = shared_project("counters", NO_STANDBY)
    with RunningServer(counters, "serve", "--hosts", "0") as server, Client(server.url) as client:
        assert client.post("/direct/a/increment").json() == {"value": 1}
        assert client.post("/direct/b/increment").json() == {"value": 1}
    return counters


@pytest.fixture
def filled(original, tmp_path):
    """A copy of it, for a test to spoil."""
    return Path(shutil.copytree(original, tmp_path / "counters"))


def _object_file(counters: Path, name: str) -> Path:
    object_id = str(IdFactory("counters", "Counter").from_name(name))
    (file,) = (counters / ".sourdough").rglob(f"{object_id}.sqlite")
    return file


def _raise_user_version(file: Path) -> None:
    with closing(sqlite3.connect(file)) as database:
        (version,) = database.execute("PRAGMA user_version").fetchone()
        database.execute(f"PRAGMA user_version = {version + 1000}")


def test_an_object_of_a_newer_format_fails_alone(filled):
    """S14: a newer file is refused with a sentence, and its neighbours work."""
    _raise_user_version(_object_file(filled, "a"))
    with RunningServer(filled, "serve", "--hosts", "1") as server, Client(server.url) as client:
        assert client.get("/direct/a/").status == 500
        assert client.get("/direct/b/").json() == {"value": 1}
        said = server.wait_for_line(lambda line: "newer" in line and '"error"' in line)
        assert "sourdough" in said.lower()


def test_a_catalogue_of_a_newer_format_is_four(filled):
    """S14: exit 4 with a sentence; nothing is touched."""
    _raise_user_version(filled / ".sourdough" / "catalogue.sqlite")
    result = refused(filled)
    assert result.returncode == 4, result.stderr
    assert "newer" in result.stderr


def test_namespaces_of_a_newer_format_are_four(filled):
    """S14: the same for the file that maps classes to folders."""
    file = filled / ".sourdough" / "namespaces.json"
    data = json.loads(file.read_text())
    file.write_text(json.dumps(data | {"format": data["format"] + 1000}))
    result = refused(filled)
    assert result.returncode == 4, result.stderr
    assert "newer" in result.stderr


def test_a_changed_application_name_warns_and_keeps_the_data(filled):
    """S14: ids are keyed by the name the folder was made with, so nothing seems lost."""
    edit(filled / "sourdough.toml", 'name = "counters"', 'name = "renamed"')
    with RunningServer(filled, "serve", "--hosts", "0") as server, Client(server.url) as client:
        assert client.get("/direct/a/").json() == {"value": 1}
        assert "counters" in server.wait_for_event("warning")["text"]
