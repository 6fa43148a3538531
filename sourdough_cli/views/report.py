"""One object as `sourdough inspect` prints it. Pure: inspection -> text."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from rich.text import Text

from sourdough.coordinator.inspection import Life
from sourdough_cli.views.columns import cut, left, right
from sourdough_cli.views.escape import escape
from sourdough_cli.views.numbers import ago, count, counted, duration, size
from sourdough_cli.views.palette import BROKEN, DETAIL, GOOD, PLAIN, WAITING

if TYPE_CHECKING:
    from sourdough.coordinator.inspection import Inspection
    from sourdough.storage.inspection import EntryReport, ObjectReport, TableReport

_GAP = "   "
_MOST_KEY_CELLS = 28
_MOST_TYPE_CELLS = 12
_LEAST_CELLS = 10
_SIZE_CELLS = 7
_ROWS_CELLS = 9
_LIFE_STYLES = {Life.LIVE: GOOD, Life.ASLEEP: PLAIN, Life.NOT_RUNNING: WAITING}


def report_lines(found: Inspection, *, storage: str, now: float, width: int) -> list[Text]:
    """Return the whole report; `storage` is the folder as a person writes it, `now` Unix seconds.

    Lines fit the width, except the id and the path, which are there to be copied.
    """
    lines = [_title(found), Text(f"  id        {found.id}")]
    if found.quarantine is not None:
        span = duration(max(0.0, found.quarantine.until - now))
        lines.append(Text(f"  in quarantine for {span}: {escape(found.quarantine.reason)}", BROKEN))
    report = found.report
    if report is None:
        return [*lines, *_sockets(found, width), Text("  nothing is stored yet", DETAIL)]
    lines += [_database(found, report, storage), Text(f"  created   {ago(now - report.created)}")]
    if report.alarm is not None:
        lines.append(Text(f"  alarm     {_alarm(report.alarm, now)}"))
    lines += _sockets(found, width)
    lines += _facets(report, width)
    return [*lines, *_entries(report, width), *_tables(report.tables, width)]


def _title(found: Inspection) -> Text:
    name = f'"{escape(found.name)}"' if found.name is not None else "(no name)"
    life, rest = _life(found)
    return Text.assemble(
        (f"{escape(found.class_name)} {name}", "bold"),
        "   ",
        (life, _LIFE_STYLES[found.life]),
        f"{rest}, slot 0x{found.slot:03x}",
    )


def _life(found: Inspection) -> tuple[str, str]:
    """Return the word, and what follows it."""
    if found.life is Life.NOT_RUNNING:
        return found.life.value, ", read from disk"
    pid = f"pid {found.host_pid}" if found.host_pid is not None else "being replaced"
    owner = f"host {found.seat} ({pid}), seat {found.seat}"
    if found.life is Life.LIVE:
        return found.life.value, f" on {owner}"
    return found.life.value, f" (nothing in memory), owner {owner}"


def _database(found: Inspection, report: ObjectReport, storage: str) -> Text:
    path = f"{storage}/{found.storage_name}/{found.slot:03x}/{found.id}.sqlite"
    wal = f" + {size(report.wal_size)} in its -wal" if report.wal_size else ""
    return Text(f"  database  {escape(path)}   {size(report.file_size)}{wal}")


def _alarm(alarm: float, now: float) -> str:
    at = datetime.fromtimestamp(alarm, UTC)
    moment = f"{at:%H:%M:%S} UTC" if abs(alarm - now) < 86_400 else f"{at:%Y-%m-%d %H:%M:%S} UTC"
    when = f"in {duration(alarm - now)}" if alarm > now else f"due since {duration(now - alarm)}"
    return f"{when} ({moment})"


def _sockets(found: Inspection, width: int) -> list[Text]:
    if found.sockets is None or not found.sockets.open:
        return []
    line = f"  sockets   {count(found.sockets.open)}"
    tags = ", ".join(f"{escape(each.tag)} ({count(each.sockets)})" for each in found.sockets.tags)
    if tags:
        line = f"{line}   tags: {tags}"
    return [Text(cut(line, max(width, _LEAST_CELLS)))]


def _facets(report: ObjectReport, width: int) -> list[Text]:
    if not report.facets:
        return []
    names = ", ".join(f'"{escape(name)}"' for name in report.facets)
    line = f"  facets    {count(len(report.facets))}: {names}"
    return [Text(cut(line, max(width, _LEAST_CELLS)))]


def _entries(report: ObjectReport, width: int) -> list[Text]:
    if not report.entries:
        hidden = counted(report.entry_count, "key")
        return [Text(), Text(f"  {hidden}", DETAIL)] if report.entry_count else []
    keys = [f'"{escape(entry.key)}"' for entry in report.entries]
    cells = min(max(map(len, (*keys, "key"))), _MOST_KEY_CELLS)
    head = _row(("key", "type", "size", "value"), key_cells=cells, width=width)
    lines = [Text(), Text(head, DETAIL)]
    lines += [
        Text(_entry(key, entry, cells, width))
        for key, entry in zip(keys, report.entries, strict=True)
    ]
    if report.entry_count > len(report.entries):
        more = counted(report.entry_count - len(report.entries), "more key")
        lines.append(Text(f"  and {more}; --limit shows them", DETAIL))
    return lines


def _entry(key: str, entry: EntryReport, key_cells: int, width: int) -> str:
    cells = (key, escape(entry.type), size(entry.size), escape(entry.value))
    return _row(cells, key_cells=key_cells, width=width)


def _row(cells: tuple[str, str, str, str], *, key_cells: int, width: int) -> str:
    key, kind, octets, value = cells
    columns = [
        left(cut(key, key_cells), key_cells),
        left(cut(kind, _MOST_TYPE_CELLS), _MOST_TYPE_CELLS),
        right(octets, _SIZE_CELLS),
    ]
    start = "  " + _GAP.join(columns) + _GAP
    return (start + cut(value, max(width - len(start), _LEAST_CELLS))).rstrip()


def _tables(tables: tuple[TableReport, ...], width: int) -> list[Text]:
    if not tables:
        return []
    cells = min(max(len(escape(name)) for name in (*(t.name for t in tables), "table")), 28)
    lines = [Text(), Text(_table("table", "rows", "columns", cells, width), DETAIL)]
    for table in tables:
        rows = "-" if table.rows is None else count(table.rows)
        about = table.columns if table.kind == "table" else table.kind
        lines.append(Text(_table(escape(table.name), rows, escape(about), cells, width)))
    return lines


def _table(name: str, rows: str, about: str, name_cells: int, width: int) -> str:
    columns = [left(cut(name, name_cells), name_cells), right(rows, _ROWS_CELLS)]
    start = "  " + _GAP.join(columns) + _GAP
    return start + cut(about, max(width - len(start), _LEAST_CELLS))
