"""Which object a host is running, written where a crash cannot take it along.

A small file, mapped into the host's memory. Writing it is a copy of a few bytes; the coordinator
reads it when the host has crashed or does not answer.
"""

from __future__ import annotations

import mmap
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_SIZE = 512


class Breadcrumb:
    """The host's side: `write` the object whose event begins."""

    def __init__(self, path: Path | None) -> None:
        self._map: mmap.mmap | None = None
        if path is not None:
            with path.open("r+b") as file:
                self._map = mmap.mmap(file.fileno(), _SIZE)

    def write(self, crumb: bytes) -> None:
        """Note that an event of the object with this `breadcrumb_of` begins."""
        if self._map is not None:
            self._map[: len(crumb)] = crumb

    def clear(self) -> None:
        """Note that nothing runs."""
        if self._map is not None:
            self._map[:2] = b"\0\0"


def breadcrumb_of(label: str) -> bytes:
    """Return what is written for the object that people know as `label`: "Counter:a"."""
    text = label.encode("utf-8", "replace")[: _SIZE - 2]
    return len(text).to_bytes(2, "big") + text


def prepare(path: Path) -> None:
    """Make the file, empty."""
    path.write_bytes(bytes(_SIZE))


def read(path: Path) -> str | None:
    """Return the label of the object that a host was running; None when it ran nothing."""
    try:
        data = path.read_bytes()
    except OSError:
        return None
    size = int.from_bytes(data[:2], "big")
    if not 0 < size <= _SIZE - 2:
        return None
    return data[2 : 2 + size].decode("utf-8", "replace")
