"""A disk that takes nothing more."""

from __future__ import annotations

import resource

import pytest

from sourdough.errors import StorageError
from sourdough.storage.layout import measure_sync


def test_a_disk_that_cannot_be_measured_is_an_error_with_its_place(tmp_path):
    """The folder is named, and the probe is gone. (A limit on file sizes plays the full disk.)"""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, limits[1]))
    try:
        with pytest.raises(StorageError) as error:
            measure_sync(tmp_path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert error.value.place == str(tmp_path)
    assert list(tmp_path.iterdir()) == []
