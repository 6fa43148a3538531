"""An object's whole `-wal`, recorded again, takes the place of the older records of it."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from sourdough.storage.engine import Durability
from sourdough.storage.journal.records import RecordType

if TYPE_CHECKING:
    from sourdough.storage.journal.file import JournalFile
    from sourdough.storage.journal.journal import Journal
    from sourdough.storage.journal.ledger import Entry


def void_older(file: JournalFile, entry: Entry, journal: Journal) -> None:
    """Mark what is older than an object's last record, as soon as all of that is durable."""
    lsn, use = entry.last, journal.use

    def carried(error: Exception | None) -> None:
        if error is None:
            entry.carried(lsn, use)

    def durable(error: Exception | None) -> None:
        if error is None:
            older = lsn - 1
            with suppress(OSError):  # the journal is full: they stay live
                mark = journal.append(
                    RecordType.MARK, entry.packed, older.to_bytes(8, "little"), base=older
                )
                journal.when(mark, Durability.DISK, file, carried)

    file.when(lsn, Durability.DISK, durable)
