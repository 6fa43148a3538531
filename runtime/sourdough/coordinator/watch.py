"""Watches the project's files and says which ones were saved."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import TYPE_CHECKING

from watchfiles import Change, DefaultFilter, awatch

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_EXTENSIONS = (".py", ".toml")
# Saves within this time are one: editors write several files, and some write each twice.
_DEBOUNCE_MS = 100
_STEP_MS = 20
# A project of more files is watched all the same; they are only not counted.
_MOST_COUNTED = 10_000


class _SourceFilter(DefaultFilter):
    """Python files and configuration, outside of virtual environments, caches and the storage."""

    def __init__(self, storage: Path) -> None:
        super().__init__(ignore_paths=[storage])

    def __call__(self, change: Change, path: str) -> bool:
        return path.endswith(_EXTENSIONS) and super().__call__(change, path)


class Watcher:
    """Calls `on_saved` with the names of saved files, relative to the project."""

    def __init__(
        self, *, root: Path, storage: Path, on_saved: Callable[[Sequence[str]], None]
    ) -> None:
        self._root = root
        self._filter = _SourceFilter(storage)
        self._on_saved = on_saved
        self._stop = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def count(self) -> int:
        """Return how many files are watched."""
        found = 0
        for folder, folders, files in os.walk(self._root):
            folders[:] = [
                name for name in folders
                if not name.startswith(".") and self._filter(Change.modified, f"{folder}/{name}/x.py")
            ]  # fmt: skip
            found += sum(self._filter(Change.modified, f"{folder}/{name}") for name in files)
            if found > _MOST_COUNTED:
                break
        return found

    def start(self) -> None:
        """Begin to watch."""
        self._task = asyncio.get_running_loop().create_task(self._run())

    async def close(self) -> None:
        """Stop watching."""
        self._stop.set()
        if self._task is not None:
            await asyncio.wait([self._task], timeout=2)

    async def _run(self) -> None:
        async for changes in awatch(
            self._root,
            watch_filter=self._filter,
            debounce=_DEBOUNCE_MS,
            step=_STEP_MS,
            stop_event=self._stop,
            rust_timeout=1000,
            ignore_permission_denied=True,
        ):
            self._on_saved(sorted({self._name(path) for _, path in changes}))

    def _name(self, path: str) -> str:
        found = Path(path)
        return str(found.relative_to(self._root)) if found.is_relative_to(self._root) else path
