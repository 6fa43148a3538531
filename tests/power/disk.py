"""A disk that can lose its power: one ordered log of what was done to files and directories.

The files themselves are in a real folder; this is the account of what of them a cut leaves. The
rules are the weakest that file systems keep. What of a file was done before its last sync began is
there. Of later writes each sector of 512 bytes is there or not, later truncations likewise, and
where a file grew without its data there are zeros, noise or the leavings of another file. A name in
a directory has any of its states since the directory's last sync. A sync of a file says nothing
about its name. After a failed sync of a file the cache calls the data clean: no later sync writes
it. (After that of a directory a later one that succeeds is to be trusted.)
"""

from __future__ import annotations

import os
from bisect import bisect_left
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tests.power.sectors import Filler, put, put_sectors, resize

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from random import Random

ROOT = 0


@dataclass(frozen=True, slots=True)
class Write:
    """Bytes written into a file."""

    node: int
    offset: int
    data: bytes


@dataclass(frozen=True, slots=True)
class Truncate:
    """A file got another size; where it grew there are zeros."""

    node: int
    size: int


@dataclass(frozen=True, slots=True)
class Entry:
    """A name in a directory came to mean a node, or nothing."""

    node: int
    name: str
    target: int | None
    new_directory: bool = False


@dataclass(frozen=True, slots=True)
class Sync:
    """A sync of a file or directory ended that had begun at a place of the log."""

    node: int | None
    """None: everything there is was synced."""
    begun: int
    failed: bool = False


Operation = Write | Truncate | Entry | Sync


@dataclass(slots=True)
class Image:
    """What is on a disk: contents of files, entries of directories."""

    files: dict[int, bytes] = field(default_factory=dict)
    directories: dict[int, dict[str, int]] = field(default_factory=lambda: {ROOT: {}})

    def write(self, folder: Path) -> None:
        """Make real files of it; several names of a file are links."""
        written: dict[int, Path] = {}
        for path, node in self.walk(folder):
            if node in self.directories:
                path.mkdir()
            elif node in written:
                os.link(written[node], path)
            else:
                path.write_bytes(self.files.get(node, b""))
                written[node] = path

    def walk(self, folder: Path, node: int = ROOT) -> Iterator[tuple[Path, int]]:
        """Iterate over all that has a name, directories before what is in them."""
        for name, target in sorted(self.directories.get(node, {}).items()):
            yield folder / name, target
            if target in self.directories:
                yield from self.walk(folder / name, target)


@dataclass(slots=True)
class _History:
    """What was done to one node, each with whether it is certain to be on the disk."""

    operations: list[Write | Truncate | Entry] = field(default_factory=list)
    places: list[int] = field(default_factory=list)
    certain: list[bool] = field(default_factory=list)
    lost: set[int] = field(default_factory=set)
    """What a failed sync dropped."""

    def sync(self, sync: Sync) -> None:
        for index in range(bisect_left(self.places, sync.begun)):
            if sync.failed:
                if not self.certain[index] and not isinstance(self.operations[index], Entry):
                    self.lost.add(index)
            elif index not in self.lost:
                self.certain[index] = True


class SimulatedDisk:
    """A folder, and what happened to it since it was as `image`."""

    def __init__(
        self, folder: Path, image: Image | None = None, log: list[Operation] | None = None
    ) -> None:
        """Fill the folder, which is empty, with what a process sees after image and log."""
        self.folder = folder
        self.start = image or Image()
        self.log: list[Operation] = []
        self.live = Image(
            files={},
            directories={node: dict(each) for node, each in self.start.directories.items()},
        )
        named = (node for each in self.start.directories.values() for node in each.values())
        self._next = max((ROOT, *self.start.files, *self.start.directories, *named)) + 1
        self.recording = True
        for operation in log or []:
            self._note(operation)
        self.carried = len(self.log)
        """So many operations are of processes that ended before the folder was filled."""
        self.cached().write(folder)

    # What happens

    @property
    def position(self) -> int:
        """The place in the log of what comes next."""
        return len(self.log)

    def is_sync(self, place: int) -> bool:
        """Say whether a sync ended at a place of the log."""
        return isinstance(self.log[place], Sync)

    def node_at(self, path: Path) -> int | None:
        """Return the node that a path leads to now."""
        node: int | None = ROOT
        for name in path.relative_to(self.folder).parts:
            node = self.live.directories.get(node, {}).get(name) if node is not None else None
        return node

    def create(self, path: Path, *, directory: bool = False) -> int:
        """Note a new file or directory; return its node."""
        node = self._next
        self._next += 1
        self.name(path, node, new_directory=directory)
        return node

    def name(self, path: Path, node: int | None, *, new_directory: bool = False) -> None:
        """Note that a path leads to a node, or nowhere, from now on."""
        parent = self.node_at(path.parent)
        assert parent is not None, path
        self._note(Entry(parent, path.name, node, new_directory))

    def wrote(self, node: int, offset: int, data: bytes) -> None:
        """Note bytes written."""
        self._note(Write(node, offset, data))

    def truncated(self, node: int, size: int) -> None:
        """Note a new size."""
        self._note(Truncate(node, size))

    def synced(self, node: int | None, begun: int, *, failed: bool = False) -> None:
        """Note the end of a sync that covers what was done before `begun`."""
        self._note(Sync(node, begun, failed))

    # What is left

    def cached(self, position: int | None = None) -> Image:
        """Return what processes saw at a place of the log: everything that was done."""
        image = Image(
            files={},
            directories={node: dict(each) for node, each in self.start.directories.items()},
        )
        contents = {node: bytearray(data) for node, data in self.start.files.items()}
        for operation in self.log[:position]:
            if isinstance(operation, Entry):
                _enter(image, operation)
            elif not isinstance(operation, Sync):
                _apply(contents.setdefault(operation.node, bytearray()), operation)
        image.files = {node: bytes(data) for node, data in contents.items()}
        return image

    def cut(self, position: int, random: Random) -> Image:
        """Return what a loss of power at a place of the log leaves, one of the many ways."""
        image = Image(
            files=dict(self.start.files),
            directories={node: dict(each) for node, each in self.start.directories.items()},
        )
        histories = self._histories(position)
        leavings = [operation for operation in self.log[:position] if isinstance(operation, Write)]
        for operation in self.log[:position]:
            if isinstance(operation, Entry) and operation.new_directory:
                image.directories[operation.target] = {}
        for node, history in sorted(histories.items()):
            if node in image.directories:
                _cut_directory(image.directories[node], history, random)
            else:
                filler = Filler(random, leavings)
                image.files[node] = _cut_file(image.files.get(node, b""), history, random, filler)
        return image

    def killed(self, position: int, folder: Path) -> SimulatedDisk:
        """Return the disk as a process finds it whose predecessor was killed there."""
        return SimulatedDisk(folder, self.start, self.log[:position])

    def complete(self) -> bool:
        """Say whether the real files are what the log says: nothing went past it."""
        expected = dict(self.cached().walk(self.folder))
        if set(expected) != set(self.folder.rglob("*")):
            return False
        files = self.cached().files
        return all(
            path.is_dir() or path.read_bytes() == files.get(node, b"")
            for path, node in expected.items()
        )

    def _note(self, operation: Operation) -> None:
        if not self.recording:
            return
        if isinstance(operation, Entry):
            _enter(self.live, operation)
            self._next = max(self._next, (operation.target or 0) + 1)
        self.log.append(operation)

    def _histories(self, position: int) -> dict[int, _History]:
        histories: dict[int, _History] = {}
        for place, operation in enumerate(self.log[:position]):
            if isinstance(operation, Sync):
                nodes = histories if operation.node is None else (operation.node,)
                for node in nodes:
                    if node in histories:
                        histories[node].sync(operation)
                continue
            history = histories.setdefault(operation.node, _History())
            history.operations.append(operation)
            history.places.append(place)
            history.certain.append(False)
        return histories


def _enter(image: Image, entry: Entry) -> None:
    if entry.new_directory:
        image.directories[entry.target] = {}
    entries = image.directories[entry.node]
    if entry.target is None:
        entries.pop(entry.name, None)
    else:
        entries[entry.name] = entry.target


def _apply(content: bytearray, operation: Write | Truncate | Entry) -> None:
    if isinstance(operation, Write):
        put(content, operation.offset, operation.data)
    elif isinstance(operation, Truncate):
        resize(content, operation.size)


def _share(random: Random) -> float:
    """Return how likely something unsynced is there: not at all, surely, or in between."""
    return random.choice((0.0, 1.0, random.random()))


def _cut_file(start: bytes, history: _History, random: Random, filler: Filler) -> bytes:
    content = bytearray(start)
    share = _share(random)
    for operation, certain in zip(history.operations, history.certain, strict=True):
        if certain:
            _apply(content, operation)
        elif isinstance(operation, Write):
            put_sectors(content, operation.offset, operation.data, share, filler)
        elif random.random() < share:
            _apply(content, operation)
    return bytes(content)


def _cut_directory(entries: dict[str, int], history: _History, random: Random) -> None:
    """Give each name the state of its last sync or any later one."""
    share = _share(random)
    states: dict[str, list[int | None]] = {}
    for operation, certain in zip(history.operations, history.certain, strict=True):
        assert isinstance(operation, Entry)
        if certain or operation.name not in states:
            states[operation.name] = [] if certain else [entries.get(operation.name)]
        states[operation.name].append(operation.target)
    for name, possible in states.items():
        if share in {0.0, 1.0}:
            chosen = possible[int(share) * (len(possible) - 1)]
        else:
            chosen = random.choice(possible)
        if chosen is None:
            entries.pop(name, None)
        else:
            entries[name] = chosen
