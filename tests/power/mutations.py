"""Each rule of the journal taken away, one at a time: the simulated disk must notice.

The code is changed from here, for as long as a machine is on. The product has no switches.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import apsw
import msgspec

from sourdough.storage.journal import (
    adoption,
    big,
    engine,
    fates,
    file,
    folding,
    journal,
    ledger,
    marker,
    reader,
    records,
    recovery,
    scraps,
    segments,
)
from sourdough.storage.journal.disk import RealDisk
from sourdough.storage.journal.records import RecordType
from tests.power.journal_subject import JournalSubject
from tests.power.lives import Plan

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.power.power import Machine


@dataclass(frozen=True, slots=True)
class Mutation:
    """One rule, and how to be without it."""

    rule: str
    apply: Callable[[Machine], None]
    plan: Plan = field(default_factory=Plan)
    guard: str = ""
    """The test that notices it, where cuts hardly do."""
    seed: int = 0
    """One that noticed it: tried first. Changed code lives through it in another way."""


class MutatedSubject(JournalSubject):
    """A server that lacks a rule."""

    def __init__(self, mutation: Mutation) -> None:
        super().__init__()
        self._mutation = mutation
        self._mutated = False

    def _rig(self, machine: Machine) -> None:
        super()._rig(machine)
        if not self._mutated:
            self._mutated = True
            self._mutation.apply(machine)


@dataclass(frozen=True, slots=True)
class Mutated:
    """Makes servers that lack the rule of a name."""

    name: str

    def __call__(self) -> MutatedSubject:
        return MutatedSubject(MUTATIONS[self.name])


class _Without:
    """A disk that leaves something out."""

    def __init__(self, disk, *names: str) -> None:
        self._disk, self._names = disk, names

    def __getattr__(self, name):
        return (lambda *_: None) if name in self._names else getattr(self._disk, name)


def _answers_at_once(machine):
    def when_durable(_self, _commit, callback):
        callback(None)

    machine.replace(file.JournalFile, "when_durable", when_durable)


def _failed_sync_is_tried_again(machine):
    sync = segments.Segments.sync

    def again(self):
        while True:
            try:
                return sync(self)
            except OSError:
                continue

    machine.replace(segments.Segments, "sync", again)


def _closing_folds(machine):
    connect = engine.JournalEngine.connect

    def folding(self, entry):
        connection = connect(self, entry)
        connection.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 0)
        return connection

    machine.replace(engine.JournalEngine, "connect", folding)


def _folds_what_is_not_recorded(machine):
    for module in (file, folding):
        machine.replace(module, "is_recorded", lambda _entry, _journal: True)


def _restart_unnoticed(machine):
    def new_frames(self, end):
        start = self._wal_end if end > self._wal_end > 0 else file.WAL_HEADER
        frames = self._journal.disk.pread(self._wal(), end - start, start)
        self._salt, self._wal_end = frames[file._SALT], end
        return frames

    machine.replace(file.JournalFile, "_new_frames", new_frames)


def _mark_without_file_sync(machine):
    sync_all = marker.Marker._sync_all
    machine.replace(
        marker.Marker,
        "_sync_all",
        lambda self, _files, directories: sync_all(self, [], directories),
    )


def _mark_without_directory_sync(machine):
    sync_all = marker.Marker._sync_all
    machine.replace(marker.Marker, "_sync_all", lambda self, files, _: sync_all(self, files, []))


def _no_image(machine):
    take = fates.Fate.take

    def without_image(self, record, segment):
        if record.type != RecordType.CREATE:
            take(self, record, segment)

    machine.replace(fates.Fate, "take", without_image)


def _no_checksum(machine):
    machine.replace(records, "crc32", lambda *_: 0)


def _no_delete_record(machine):
    append = engine.JournalEngine._append

    def without_deletions(self, entry, type_, image=b""):
        if type_ != RecordType.DELETE:
            append(self, entry, type_, image)

    machine.replace(engine.JournalEngine, "_append", without_deletions)


def _unlink_first(machine):
    append = engine.JournalEngine._append

    def unlinking(self, entry, type_, image=b""):
        append(self, entry, type_, image)
        if type_ == RecordType.DELETE:
            self._remove_files(entry.path)

    machine.replace(engine.JournalEngine, "_append", unlinking)


def _take_over_without_sync(machine):
    header = reader._header
    machine.replace(
        reader, "_header", lambda path, disk, *more: header(path, _Without(disk, "sync"), *more)
    )
    _not_written_again(machine)


def _not_written_again(machine):
    machine.replace(reader._Journal, "_write_again", lambda _self: None)


def _segment_begun_early(machine):
    def advance(self, _use):
        self.make_spare()
        with self._lock:
            self._used.append(self._current)
            self._current, self._spare = self._spare, None

    machine.replace(segments.Segments, "_advance", advance)


def _segment_without_name(machine):
    make = segments.Segments._make

    def nameless(self, size, use):
        disk, self._disk = self._disk, _Without(self._disk, "sync_directory")
        try:
            return make(self, size, use)
        finally:
            self._disk = disk

    machine.replace(segments.Segments, "_make", nameless)


def _no_base(machine):
    take = fates.Fate.take

    def without_base(self, record, segment):
        take(self, msgspec.structs.replace(record, base=0), segment)

    machine.replace(fates.Fate, "take", without_base)


def _any_use(machine):
    decode = records.decode

    def of_any_use(view, offset, _use, seed):
        use = int.from_bytes(view[offset + 24 : offset + 32], "little")
        return decode(view, offset, use, seed)

    for module in (records, reader):
        machine.replace(module, "decode", of_any_use)
    for module in (records, journal):
        machine.replace(module, "seed_of", lambda *_: 0)


def _recycles_before_the_mark(machine):
    machine.replace(ledger.Ledger, "oldest_use", lambda _self: None)


def _wal_is_trusted(machine):
    unlink = RealDisk.unlink

    def sparing(self, path):
        if not path.name.endswith("-wal"):
            unlink(self, path)

    machine.replace(RealDisk, "unlink", sparing)


def _adopted_too_late(machine):
    repair_all = adoption.Adoption._repair_all

    def careless(self):
        for path in self._reading.segments:
            self._journal.disk.unlink(path)
        self._journal.disk.sync_directory(self._journal.folder)
        repair_all(self)

    machine.replace(adoption.Adoption, "_repair_all", careless)


def _named_at_birth(machine):
    machine.replace(ledger, "draft_path", lambda path: path)


def _pages_not_kept(machine):
    for module in (adoption, recovery):
        machine.replace(module, "keep_pages", lambda *_: None)


def _big_is_told_early(machine):
    machine.replace(big.BigCommits, "first", property(lambda _self: None))


def _failed_copy_is_forgotten(machine):
    copied = big.BigCommits._copied

    def forgetting(self):
        copied(self)
        self._running.clear()

    machine.replace(big.BigCommits, "_copied", forgetting)


def _pages_without(call):
    def without(machine):
        copy = big.copy_pages

        def careless(*places, disk, **names):
            copy(*places, disk=_Without(disk, call), **names)

        machine.replace(big, "copy_pages", careless)

    return without


def _deletion_is_taken_back(machine):
    machine.replace(
        engine.JournalEngine, "_remove_deleted", lambda self, path: self._remove_files(path)
    )


def _any_wal_is_empty(machine):
    machine.replace(scraps.Scraps, "take", lambda _self, _wal: True)


_SYNCS_FAIL = Plan(failing_syncs=0.03)
_WRITES_FAIL = Plan(failing_writes=0.02)
_LONG = Plan(steps=240, cuts=12)

MUTATIONS = {
    "answers-at-once": Mutation("S1: no answer before its commit is durable", _answers_at_once),
    "sync-again": Mutation(
        "S2: a failed sync is final", _failed_sync_is_tried_again, _SYNCS_FAIL, seed=2
    ),
    "closing-folds": Mutation("S4: closing never folds by itself", _closing_folds, seed=7),
    "fold-early": Mutation(
        "S5: only what the journal holds durably is folded", _folds_what_is_not_recorded
    ),
    "wal-trusted": Mutation("S5: every `-wal` is deleted unread", _wal_is_trusted, seed=1),
    "restart-unnoticed": Mutation(
        "rule 6: a restart of the WAL is noticed", _restart_unnoticed, seed=107
    ),
    "no-checksum": Mutation("rule 6: records have checksums", _no_checksum, seed=9),
    "mark-file": Mutation(
        "S6: the database is synced before its mark", _mark_without_file_sync, seed=0
    ),
    "mark-directory": Mutation(
        "S6: so is its directory, once for each file", _mark_without_directory_sync
    ),
    "take-over": Mutation(
        "S6: a take-over makes durable what it found", _take_over_without_sync, seed=83
    ),
    "written-again": Mutation(
        "S2: what a failed sync may have missed is written again",
        _not_written_again,
        _SYNCS_FAIL,
        seed=7,
    ),
    "take-over-pages": Mutation(
        "S6: so are pages of big commits before they are redone",
        _pages_not_kept,
        Plan(often=("_crash",)),
        guard="integration/storage/journal/test_big_failures.py",
    ),
    "adopted-late": Mutation("S6: segments stay until all of them is redone", _adopted_too_late),
    "no-base": Mutation(
        "rule 5: every record carries its base",
        _no_base,
        _LONG,
        guard="unit/storage/journal/test_fates.py",
    ),
    "recycled-early": Mutation(
        "S6: a segment goes when all in it is void", _recycles_before_the_mark, seed=0
    ),
    "no-image": Mutation("S7: the first record has the image", _no_image),
    "named-at-birth": Mutation(
        "S7: a file has no name before that is durable", _named_at_birth, seed=2
    ),
    "no-delete-record": Mutation("S7: a deletion has a record", _no_delete_record, seed=2),
    "unlink-first": Mutation(
        "S7: durable before the names go", _unlink_first, Plan(often=("_delete", "_evict")), seed=10
    ),
    "deletion-taken-back": Mutation(
        "S7: and what fails then is final",
        _deletion_is_taken_back,
        Plan(failing_writes=0.02, often=("_delete",)),
        seed=21,
    ),
    "segment-begun-early": Mutation(
        "S8: a segment is synced before the next is written", _segment_begun_early
    ),
    "segment-name": Mutation("S8: a segment's name is synced", _segment_without_name),
    "any-use": Mutation("S8: checksums are seeded with the use number", _any_use, seed=51),
    "big-early": Mutation("S12: a big commit counts when its pages are copied", _big_is_told_early),
    "big-forgotten": Mutation(
        "S12: and never when that failed", _failed_copy_is_forgotten, _WRITES_FAIL
    ),
    "big-sync": Mutation("S12: its pages are synced", _pages_without("sync")),
    "big-name": Mutation(
        "S12: and the name of their file", _pages_without("sync_directory"), seed=4
    ),
    "any-scrap": Mutation("S5: no `-wal` is believed to be empty", _any_wal_is_empty),
}
