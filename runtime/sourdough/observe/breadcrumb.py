"""Which object a host is running, written where a crash cannot take it along.

A small file, mapped into the host's memory. Writing it is a copy of a few bytes; the coordinator
reads it when the host has crashed or does not answer.

    length of the rest (2 bytes), length of the key (1 byte), key (storage name + id), label

Of several objects whose handlers have begun and not ended it names the one that began last. So a
handler that ends its process after an `await` may be taken for another that was waiting then; one
that does so without waiting is always the one that is named.
"""

from __future__ import annotations

import mmap
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sourdough.ids import ID_BYTES

if TYPE_CHECKING:
    from pathlib import Path

_SIZE = 512
_HEAD = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Crumb:
    """The object that a host was running: "Counter:a", and where it keeps its data."""

    label: str
    storage_name: str
    id: bytes

    @property
    def key(self) -> tuple[str, bytes]:
        return self.storage_name, self.id


class Breadcrumb:
    """The host's side: which objects have handlers that run."""

    def __init__(self, path: Path | None) -> None:
        self._map: mmap.mmap | None = None
        self._running: dict[bytes, bytes] = {}
        """Key -> crumb; the one that began last is at the end."""
        if path is not None:
            with path.open("r+b") as file:
                self._map = mmap.mmap(file.fileno(), _SIZE)

    def begin(self, key: bytes, crumb: bytes) -> None:
        """Note that a handler of the object begins to run. crumb: its `breadcrumb_of`."""
        if self._map is not None:
            self._running.pop(key, None)
            self._running[key] = crumb
            self._map[: len(crumb)] = crumb

    def end(self, key: bytes) -> None:
        """Note that no handler of the object runs any more."""
        if self._map is not None and self._running.pop(key, None) is not None:
            crumb = next(reversed(self._running.values()), b"\0\0")
            self._map[: len(crumb)] = crumb

    def clear(self) -> None:
        """Note that nothing runs."""
        if self._map is not None:
            self._running.clear()
            self._map[:2] = b"\0\0"


def breadcrumb_of(key: bytes, label: str) -> bytes:
    """Return what is written for an object. label: how people know it, "Counter:a"."""
    text = label.encode("utf-8", "replace")[: _SIZE - _HEAD - len(key)]
    return (1 + len(key) + len(text)).to_bytes(2, "big") + bytes((len(key),)) + key + text


def prepare(path: Path) -> None:
    """Make the file, empty."""
    path.write_bytes(bytes(_SIZE))


def read(path: Path) -> Crumb | None:
    """Return the object that a host was running; None when it ran nothing."""
    try:
        data = path.read_bytes()
    except OSError:
        return None
    size, end = int.from_bytes(data[:2], "big"), _HEAD + (data[2] if len(data) > 2 else 0)
    if not end <= 2 + size <= _SIZE or end - _HEAD <= ID_BYTES:
        return None
    key = data[_HEAD:end]
    return Crumb(
        label=data[end : 2 + size].decode("utf-8", "replace"),
        storage_name=key[:-ID_BYTES].decode("utf-8", "replace"),
        id=key[-ID_BYTES:],
    )
