"""Connections to an object's file that could not be opened."""

from __future__ import annotations

import os

import pytest

from sourdough.errors import StorageError
from sourdough.storage.connection import open_file


def test_what_could_not_be_opened_is_closed_again(tmp_path):
    """Neither its lock nor a descriptor stays, although somebody keeps the error."""
    path = tmp_path / "no.sqlite"
    path.write_bytes(b"this is no database, and long enough to be asked for a header" * 20)
    before = len(os.listdir("/dev/fd"))
    with pytest.raises(StorageError, match="cannot be opened") as kept:
        open_file(path)
    assert len(os.listdir("/dev/fd")) == before
    assert kept.value.place == str(path)
