"""The file that says which server uses a folder."""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path

import msgspec
import pytest

from sourdough.coordinator.process import ProcessIdentity
from sourdough.coordinator.server_file import (
    RUN_PREFIX,
    Announcement,
    ServerFile,
    read_server_file,
    remove_leftover,
    remove_server_file,
)
from sourdough.errors import StorageFormatError

ME = ProcessIdentity.of(os.getpid())
SERVER = ServerFile(
    pid=ME.pid,
    start_time=ME.start_time,
    version="0.1.0",
    url="http://127.0.0.1:8787",
    control="/run/x/control.sock",
    mode="serve",
    children=(ME, ProcessIdentity(2, "0@no-boot")),
)


def test_what_is_written_is_read(tmp_path):
    """A server file survives its round trip."""
    SERVER.write(tmp_path)
    assert read_server_file(tmp_path) == SERVER
    assert [entry.name for entry in tmp_path.iterdir()] == ["server.json"]


def test_only_living_children_are_leftovers(tmp_path):
    """A pid with another start time is somebody else."""
    assert SERVER.leftovers == (ME,)
    assert SERVER.coordinator.alive


@pytest.mark.parametrize("content", [b"", b"{", b"\x00" * 64, b"[]", b'{"format": 1}'])
def test_a_torn_file_says_nothing(tmp_path, content):
    """After a loss of power any bytes may stand there."""
    (tmp_path / "server.json").write_bytes(content)
    assert read_server_file(tmp_path) is None


def test_no_file_is_no_server(tmp_path):
    """Neither a missing file nor a missing folder is an error."""
    assert read_server_file(tmp_path) is None
    assert read_server_file(tmp_path / "missing") is None


def test_a_newer_format_is_refused(tmp_path):
    """A file of a newer version is not guessed at (invariant S14)."""
    (tmp_path / "server.json").write_text(json.dumps({"format": 2, "what": "ever"}))
    with pytest.raises(StorageFormatError, match="newer"):
        read_server_file(tmp_path)


def test_a_removed_file_is_gone(tmp_path):
    """Removing is idempotent."""
    SERVER.write(tmp_path)
    remove_server_file(tmp_path)
    remove_server_file(tmp_path)
    assert read_server_file(tmp_path) is None


@pytest.mark.parametrize(
    ("prefix", "alive", "kept"),
    [(RUN_PREFIX, False, False), (RUN_PREFIX, True, True), ("else-", False, True)],
)
def test_only_the_folder_of_a_dead_server_is_removed(tmp_path, prefix, alive, kept):
    """Who lost the lock by an accident keeps its sockets; and a file cannot name any folder."""
    folder = Path(tempfile.mkdtemp(prefix=prefix))
    start_time = ME.start_time if alive else "0@no-boot"
    control = str(folder / "control.sock")
    msgspec.structs.replace(SERVER, start_time=start_time, control=control).write(tmp_path)
    remove_leftover(tmp_path)
    assert folder.exists() is kept
    if kept:
        folder.rmdir()


def test_a_disk_that_does_not_take_the_file_is_told_of_once(tmp_path):
    """The server goes on; it is written again with the next child, and told again after that."""
    told = []
    announcement = Announcement(tmp_path / "gone", mode="serve", version="0.1.0", workers=list)
    announcement.on_failed = told.append
    announcement.write()
    announcement.write()
    assert told == ["server.json cannot be written: No such file or directory"]
    (tmp_path / "gone").mkdir()
    announcement.write()
    assert read_server_file(tmp_path / "gone").mode == "serve"
    (tmp_path / "gone" / "server.json").unlink()
    (tmp_path / "gone").rmdir()
    announcement.write()
    assert len(told) == 2
