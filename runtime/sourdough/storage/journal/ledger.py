"""What the host's journal still holds of which object: the objects that are *dirty*.

    clean (no entry) --first record--> dirty --marked, nothing newer--> clean

An entry lives while records of the object are live or its database is open. Its descriptor of the
database, for syncing, is opened when needed and closed only while no connection is open: POSIX
locks belong to (process, inode), and any close would drop SQLite's (invariant S3).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sourdough.storage.journal.places import draft_path, key_of, wal_path

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from sourdough.storage.journal.big import BigCommits
    from sourdough.storage.journal.disk import Disk
    from sourdough.storage.journal.file import JournalFile
    from sourdough.storage.journal.folding import Folding


class Entry:
    """One object in the ledger. All lsns are of this journal."""

    __slots__ = (
        "base", "big", "born", "deleted", "draft", "fd", "file", "first_use", "folded",
        "folded_use", "folding", "kept_end", "kept_salt", "last", "lost", "marking", "packed", "path", "wal",
    )  # fmt: skip

    def __init__(self, path: Path, packed: bytes) -> None:
        self.path = path
        self.packed = packed
        self.last = 0
        """Its newest record; 0: none."""
        self.base = 0
        """What its newest durable mark covers."""
        self.folded = 0
        """Up to here everything is in the database file, perhaps not synced."""
        self.first_use = 0
        """The segment of its oldest live record; 0: no live record."""
        self.folded_use = 0
        """The segment that was current when it was folded: newer records are there or later."""
        self.born = 0
        """The record of its file's making or removal, while that name is not synced; else 0."""
        self.deleted = False
        self.draft = False
        """Whether its create record is not durable yet, and its file has no name that counts."""
        self.wal = wal_path(path)
        """The `-wal` of the connection that is or was open."""
        self.kept_end = 0
        """How far the `-wal` of a closed database holds commits not folded yet; 0: none, remove it."""
        self.kept_salt = b""
        self.lost = False
        """Whether the database got a commit that the journal did not: redo it before opening."""
        self.file: JournalFile | None = None
        """The open database."""
        self.big: BigCommits | None = None
        """Its commits whose pages are in files of their own."""
        self.folding: Folding | None = None
        """A long `-wal` of it on the way into its file."""
        self.fd: int | None = None
        self.marking = False
        """Whether a thread may be syncing through the descriptor."""

    @property
    def place(self) -> Path:
        """Where its database file is now."""
        return draft_path(self.path) if self.draft else self.path

    def appended(self, lsn: int, use: int) -> None:
        """Note a new record."""
        self.last = lsn
        if not self.first_use:
            self.first_use = use

    def fold_ended(self, use: int) -> None:
        """Note that everything so far is in the database file; `use`: of the next record."""
        self.folded = self.last
        self.folded_use = use

    def marked(self, lsn: int, use: int) -> None:
        """Note a durable mark; `use`: of the segment that was current when that was folded."""
        self.base = max(self.base, lsn)
        if self.born <= lsn:
            self.born = 0
        # An object that was never folded in this epoch has no such segment: all it has is live.
        self.first_use = (use or self.first_use) if self.last > lsn else 0

    def carried(self, lsn: int, use: int) -> None:
        """Note that a durable record in segment `use` holds what older live records hold."""
        if self.base < lsn:
            self.base = lsn - 1
            self.first_use = max(self.first_use, use)

    def stop_folding(self) -> None:
        """Return when no thread reads the `-wal` to fold it; its frames stay where they are."""
        if self.folding is not None:
            self.folding.stop()
            self.folding = None

    @property
    def is_at_rest(self) -> bool:
        """Whether its file is closed, and no thread is at it."""
        return self.file is None and not self.marking and self.folding is None

    @property
    def clean(self) -> bool:
        return not self.first_use and self.is_at_rest


class Ledger:
    """All dirty or open objects of a host."""

    def __init__(self, root: Path, disk: Disk) -> None:
        self._root = root
        self._disk = disk
        self._entries: dict[Path, Entry] = {}

    def get(self, path: Path) -> Entry | None:
        return self._entries.get(path)

    def entry(self, path: Path) -> Entry:
        """Return the entry of an object, a new one where it is clean."""
        entry = self._entries.get(path)
        if entry is None:
            entry = self._entries[path] = Entry(path, key_of(path).packed())
        return entry

    def dirty(self, below: int) -> Iterator[Entry]:
        """Iterate over the entries with live records in segments below a use number."""
        return (each for each in list(self._entries.values()) if 0 < each.first_use < below)

    def oldest_use(self) -> int | None:
        """Return the segment of the oldest live record of all; None where nothing is live."""
        return min(
            (each.first_use for each in self._entries.values() if each.first_use), default=None
        )

    def descriptor(self, entry: Entry) -> int:
        """Return the descriptor through which the database of an entry is synced."""
        if entry.fd is None:
            entry.fd = self._disk.open(entry.place)
        return entry.fd

    def name(self, entry: Entry) -> None:
        """Give a draft its name; the record of its making is durable."""
        self._disk.rename(entry.place, entry.path)
        entry.draft = False
        if entry.kept_end:
            self.keep_wal(entry)

    def keep_wal(self, entry: Entry) -> None:
        """Have a closed database's `-wal` where the next connection looks for it."""
        wal = wal_path(entry.place)
        if entry.wal != wal:
            if entry.big is not None:
                entry.big.finish()
            self._disk.rename(entry.wal, wal)
            entry.wal = wal

    def let_go(self, entry: Entry) -> None:
        """Close the descriptor of a database that is gone; no thread syncs it."""
        if entry.fd is not None:
            self._disk.close(entry.fd)
            entry.fd = None

    def tidy(self, entry: Entry) -> None:
        """Close what is not needed of an entry; forget it where it has become clean."""
        if entry.fd is not None and entry.is_at_rest:
            self._disk.close(entry.fd)
            entry.fd = None
        if entry.clean:
            self._entries.pop(entry.path, None)

    def close(self) -> None:
        """Close all descriptors; no connection is open any more."""
        for entry in self._entries.values():
            if entry.fd is not None:
                self._disk.close(entry.fd)
                entry.fd = None
