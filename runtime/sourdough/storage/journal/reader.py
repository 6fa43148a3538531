"""Reads journals from the disk: which records are there, and what they say about each object.

The last segment of a journal may end in a torn record; what stands behind that was never
acknowledged. A hole anywhere else, or in front of a record that says it was synced, is damage: the
segment is named, and with it the objects that are known to have lost a record. So is a segment that
is not there, or cannot be read, and that no other's header calls void.
"""

from __future__ import annotations

from dataclasses import astuple, dataclass, field, replace
from typing import TYPE_CHECKING

from sourdough.storage.journal.fates import Fate
from sourdough.storage.journal.pages import PagesName, is_whole, write_again
from sourdough.storage.journal.records import (
    IN_PAGES_FILE,
    SEGMENT_HEADER,
    Record,
    RecordType,
    SegmentHeader,
    decode,
    decode_segment,
    encode_segment,
    find,
    scan,
)
from sourdough.storage.journal.segments import SegmentName

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from pathlib import Path

    from sourdough.storage.journal.disk import Disk
    from sourdough.storage.journal.fates import Live


@dataclass(slots=True)
class Reading:
    """What is in the journals."""

    fates: dict[bytes, Fate] = field(default_factory=dict)
    """By `ObjectKey.packed()`."""
    segments: list[Path] = field(default_factory=list)
    """All files read, oldest first."""
    damaged: dict[Path, str] = field(default_factory=dict)
    """Segments with holes, and what is wrong."""
    last: list[tuple[SegmentHeader, Path]] = field(default_factory=list)
    """The newest segment of each journal."""

    _kept: dict[tuple[int, int], int] = field(default_factory=dict)
    """By seat and epoch: the index held all intents before this record."""

    def take(self, record: Record, segment: Path) -> None:
        if record.type == RecordType.INTENT:
            self._kept[record.seat, record.epoch] = record.previous
        fate = self.fates.get(record.packed)
        if fate is None:
            fate = self.fates[record.packed] = Fate()
        fate.take(record, segment)

    def intents(self) -> dict[bytes, int]:
        """Return the alarms that the index may not hold: packed key -> ms (invariant S11)."""
        return {
            packed: fate.intent
            for packed, fate in self.fates.items()
            if fate.intent is not None and fate.intent_at[2] >= self._kept[fate.intent_at[:2]]
        }


def read_journals(folder: Path, disk: Disk, wanted: Callable[[SegmentName], bool]) -> Reading:
    """Read the wanted segments of a folder, each synced before: what is found must stay.

    Raises OSError, StorageFormatError.
    """
    reading = Reading()
    journals: dict[tuple[int, int], list[tuple[SegmentHeader, Path]]] = {}
    headless: list[tuple[SegmentName, Path]] = []
    for name in map(SegmentName.parse, disk.names(folder)):
        if name is not None and wanted(name):
            path = folder / str(name)
            header = _header(path, disk, reading)
            if header is None or (header.seat, header.epoch, header.number) != astuple(name):
                reading.segments.append(path)
                headless.append((name, path))
            else:
                journals.setdefault((header.epoch, header.seat), []).append((header, path))
    for name, path in headless:
        if path in reading.damaged:
            continue
        uses = {header.use for header, _ in journals.get((name.epoch, name.seat), [])}
        if _has_records(name, _content(path, disk), uses):
            reading.damaged[path] = f"{name} has records, and no header"
    for key in sorted(journals):
        files = sorted(journals[key], key=lambda each: each[0].use)
        reading.segments += [path for _, path in files]
        reading.last.append(files[-1])
        oldest = max(header.oldest for header, _ in files)
        _Journal(reading, disk).read([each for each in files if each[0].use >= oldest], oldest)
    if journals:
        disk.sync_directory(folder)
    for fate in reading.fates.values():
        _cut(fate, folder, disk)
    return reading


def _has_records(name: SegmentName, data: bytes, uses: set[int]) -> bool:
    """Say whether a segment without its header has records of a use that no other segment has.

    What was in another file does not count: it may be found in one that was not synced yet.
    """
    missing = set(range(min(uses, default=1), max(uses, default=0) + 2)) - uses
    return any(
        find(data, SegmentHeader(name.seat, name.epoch, use, use, name.number), SEGMENT_HEADER)
        is not None
        for use in missing
    )


def _cut(fate: Fate, folder: Path, disk: Disk) -> None:
    """Leave out a big commit whose pages did not all reach the disk, and what builds on it."""
    for each in fate.live():
        if each.flags & IN_PAGES_FILE and not is_whole(folder, pages_of(each), disk):
            fate.cut(each.lsn)
            return


def keep_pages(records: Iterable[Live], disk: Disk) -> None:
    """Have the pages of an object's big commits on the medium, before the first of them is redone.

    What a killed host had written may only be in the cache, and the sync of it may have failed and
    taken it for clean (invariant S2): so it is written once more, the same bytes. Raises OSError.
    """
    for each in records:
        if each.flags & IN_PAGES_FILE:
            write_again(each.segment.parent, pages_of(each), disk)


def pages_of(record: Live) -> PagesName:
    """Return the name of the file that the pages of a big commit are in."""
    return PagesName(record.seat, record.epoch, record.lsn)


def remove_segments(reading: Reading, folder: Path, disk: Disk) -> None:
    """Remove segments whose every record is void by now; damaged ones get another name.

    The newest of each journal says that all are void, before the first goes, and goes last: what
    is found of them after a crash is nothing that was lost.
    """
    for header, path in reading.last:
        _write_header(path, replace(header, oldest=header.use + 1), disk)
    last = [path for _, path in reading.last]
    for path in [*(each for each in reading.segments if each not in last), *last]:
        if path in reading.damaged:
            disk.rename(path, path.with_name(path.name + ".damaged"))
        else:
            disk.unlink(path)
        disk.sync_directory(folder)
    gone = {(name.seat, name.epoch) for name in map(_name_of, reading.segments) if name}
    for pages in filter(None, map(PagesName.parse, disk.names(folder))):
        if (pages.seat, pages.epoch) in gone:
            disk.unlink(folder / str(pages))


def _name_of(path: Path) -> SegmentName | None:
    return SegmentName.parse(path.name)


class _Journal:
    """Reads one journal into a `Reading`."""

    def __init__(self, reading: Reading, disk: Disk) -> None:
        self._reading = reading
        self._disk = disk
        self._lsn = 0
        """The last record read; 0: none yet."""
        self._synced = 0
        """The last record that is known to have been on the medium."""
        self._ends: list[tuple[int, int]] = []
        """Lsn and end of the records of the last segment that has any."""
        self._last: tuple[Path, bytes] | None = None
        self._holes: list[tuple[range, str]] = []
        self._first = 0
        """The first record read."""

    def read(self, files: Sequence[tuple[SegmentHeader, Path]], oldest: int) -> None:
        """oldest: the use number of the first segment that is not void."""
        if not files:
            return
        epoch, seat = files[0][0].epoch, files[0][0].seat
        for header, path in files:
            try:
                self._read_segment(_content(path, self._disk), header, path)
            except OSError as error:
                self._reading.damaged[path] = f"it cannot be read: {error.strerror}"
        self._write_again()
        if files[0][0].use > oldest:
            self._begin_is_lost(oldest, *files[0])
        for lost, reason in self._holes:
            for fate in self._reading.fates.values():
                if fate.epoch == epoch:
                    fate.missing(lost, reason, seat=seat)

    def _write_again(self) -> None:
        """Write what may never have been synced once more, the same bytes, and sync it.

        The sync of it may have failed, and taken it for clean: what is found is in memory then and
        not on the medium, and another sync would not see it (invariant S2).
        """
        if self._last is None:
            return
        path, data = self._last
        start = max((end for lsn, end in self._ends if lsn <= self._synced), default=SEGMENT_HEADER)
        end = self._ends[-1][1]
        if start < end:
            fd = self._disk.open(path)
            try:
                self._disk.pwrite(fd, [data[start:end]], start)
                self._disk.sync(fd)
            finally:
                self._disk.close(fd)

    def _read_segment(self, data: bytes, header: SegmentHeader, path: Path) -> None:
        records, end = scan(data, header)
        if records:
            self._last, self._ends = (path, data), []
        self._take(records, path)
        behind = list(_behind(data, header, end))
        synced = max((record.synced for record in behind), default=0)
        for record in behind:
            told = record.lsn <= synced or record.synced > self._lsn
            if not told and not (record.intact and record.lsn == self._lsn + 1):
                return  # nor was anybody told of what is behind it
            if record.intact:
                self._take([record], path)
            else:
                self._damaged(record, path)

    def _take(self, records: list[Record], path: Path) -> None:
        for record in records:
            self._first = self._first or record.lsn
            if self._lsn and record.lsn != self._lsn + 1:
                self._lost(range(self._lsn + 1, record.lsn), path)
            self._lsn = record.lsn
            self._synced = max(self._synced, record.synced)
            self._ends.append((record.lsn, record.end))
            self._reading.take(record, path)

    def _damaged(self, record: Record, path: Path) -> None:
        """The header is good, the payload is not: the object is known.

        It needs no payload but those of its pages.
        """
        self._reading.take(record, path)
        text = f"record {record.lsn} of {path.name} is damaged"
        if record.type not in {RecordType.INTENT, RecordType.MARK}:
            self._reading.fates[record.packed].damaged(record.lsn, text)
        self._reading.damaged[path] = text
        self._lsn = record.lsn

    def _begin_is_lost(self, oldest: int, header: SegmentHeader, path: Path) -> None:
        count = header.use - oldest
        text = f"{count} segments in front of {path.name} are missing, or cannot be read"
        self._reading.damaged[path] = text
        self._holes.append((range(1, self._first), text))

    def _lost(self, lost: range, path: Path) -> None:
        count = len(lost)
        text = f"{count} records in front of record {lost.stop} of {path.name} are missing"
        self._reading.damaged[path] = text
        self._holes.append((lost, text))


def _behind(data: bytes, header: SegmentHeader, offset: int) -> Iterator[Record]:
    """Iterate over all records with a valid header, at or behind an offset."""
    view = memoryview(data)
    while (found := find(data, header, offset)) is not None:
        record = decode(view, found, header.use, header.seed)
        assert record is not None
        yield record
        offset = record.end


def _header(path: Path, disk: Disk, reading: Reading) -> SegmentHeader | None:
    fd = disk.open(path)
    try:
        disk.sync(fd)
        try:
            return decode_segment(disk.pread(fd, SEGMENT_HEADER, 0))
        except OSError as error:
            reading.damaged[path] = f"it cannot be read: {error.strerror}"
            return None
    finally:
        disk.close(fd)


def _write_header(path: Path, header: SegmentHeader, disk: Disk) -> None:
    fd = disk.open(path)
    try:
        disk.pwrite(fd, [encode_segment(header)], 0)
        disk.sync(fd)
    finally:
        disk.close(fd)


def _content(path: Path, disk: Disk) -> bytes:
    size = disk.size(path) or 0
    fd = disk.open(path)
    try:
        return disk.pread(fd, size, 0)
    finally:
        disk.close(fd)
