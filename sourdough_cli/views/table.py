"""The live table: a row for each process, fitted to the width and the height of the terminal.

Too narrow: columns go in a fixed order (`_DROP_ORDER`). Too low: what is not serving stays, the
rest is counted in one line. The result never has more lines than asked for, nor a line wider than
asked for, so a terminal never wraps or scrolls it.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

from rich.text import Text

from sourdough.observe.status import State
from sourdough_cli.views.columns import cut, left, right
from sourdough_cli.views.escape import escape
from sourdough_cli.views.lines import traceback_lines
from sourdough_cli.views.numbers import count, counted, duration, latency, percent, rate, size
from sourdough_cli.views.palette import BROKEN, DETAIL, PLAIN, STATE_STYLES

if TYPE_CHECKING:
    from collections.abc import Callable

    from sourdough.observe.status import HostStatus, ProcessStatus, Snapshot

_MOST_TRACEBACK_LINES = 8
_LEAST_EXIT_CELLS = 16
_DROP_ORDER = ("cpu", "p50", "up", "mem", "restarts", "p99", "objects", "sockets", "pid", "req/s")


class Row(NamedTuple):
    """A process in the table."""

    label: str
    process: ProcessStatus
    load: str
    """What it holds: objects of a host, connections of a gateway."""
    sockets: str = ""
    """Open WebSockets of a gateway."""


class Column(NamedTuple):
    """A column: its cells are right aligned in `cells`, or left aligned if `to_left`."""

    head: str
    cells: int
    text: Callable[[Row, float], str]
    to_left: bool = False


_COLUMNS = (
    Column("host", 8, lambda row, _: row.label),
    Column("pid", 8, lambda row, _: _or_dash(row.process.pid)),
    Column("state", 14, lambda row, _: f"   {row.process.state}", to_left=True),
    Column("up", 12, lambda row, now: _up(row.process, now)),
    Column("restarts", 10, lambda row, _: count(row.process.restarts)),
    Column("objects", 10, lambda row, _: row.load),
    Column("sockets", 10, lambda row, _: row.sockets),
    Column("req/s", 8, lambda row, _: rate(row.process.requests_per_second)),
    Column("p50", 9, lambda row, _: latency(row.process.p50)),
    Column("p99", 9, lambda row, _: latency(row.process.p99)),
    Column("mem", 8, lambda row, _: _or_dash(row.process.memory and size(row.process.memory))),
    Column("cpu", 6, lambda row, _: _or_dash(row.process.pid and percent(row.process.cpu))),
)


def table_lines(snapshot: Snapshot, *, now: float, width: int, height: int) -> list[Text]:
    """Return at most `height` lines of at most `width` cells; `now` is in Unix seconds."""
    columns = _fitting(snapshot, width)
    exit_cells = width - sum(column.cells for column in columns) - 3
    reasons = exit_cells if exit_cells >= _LEAST_EXIT_CELLS and _exits(snapshot) else 0
    rows = _rows(snapshot)
    room = max(height - 1 - len(rows), height // 3, 0)
    details = _details(snapshot, told_in_rows=bool(reasons))[:room]
    shown, hidden = _most_important(rows, height - 1 - len(details))
    lines = [_head(columns, reasons)]
    lines.extend(_row_line(row, columns, reasons, now) for row in shown)
    if hidden:
        lines.append(_hidden_line(hidden))
    lines.extend(details)
    for line in lines:
        line.truncate(width)
    return lines[: max(height, 0)]


def _fitting(snapshot: Snapshot, width: int) -> list[Column]:
    sockets = any(gateway.sockets for gateway in snapshot.gateways)
    columns = [column for column in _COLUMNS if sockets or column.head != "sockets"]
    for head in _DROP_ORDER:
        if sum(column.cells for column in columns) <= width:
            break
        columns = [column for column in columns if column.head != head]
    return columns


def _rows(snapshot: Snapshot) -> list[Row]:
    hosts = [_host_row(str(host.index), host) for host in snapshot.hosts]
    if snapshot.standby is not None:
        hosts.append(_host_row("standby", snapshot.standby))
    single = len(snapshot.gateways) == 1
    return hosts + [
        Row(
            "gw" if single else f"gw {gateway.index}",
            gateway,
            f"{count(gateway.connections)} conn",
            count(gateway.sockets),
        )
        for gateway in snapshot.gateways
    ]


def _host_row(label: str, host: HostStatus) -> Row:
    return Row(label, host, count(host.objects))


def _most_important(rows: list[Row], room: int) -> tuple[list[Row], list[Row]]:
    """Choose the rows that fit; what is not serving goes before what is, order stays."""
    if len(rows) <= room:
        return rows, []
    calm = (State.SERVING, State.READY)
    ranked = sorted(range(len(rows)), key=lambda at: (rows[at].process.state in calm, at))
    chosen = set(ranked[: max(room - 1, 0)])
    return (
        [row for at, row in enumerate(rows) if at in chosen],
        [row for at, row in enumerate(rows) if at not in chosen],
    )


def _hidden_line(hidden: list[Row]) -> Text:
    states = Counter(str(row.process.state) for row in hidden)
    listed = ", ".join(f"{number} {state}" for state, number in states.most_common())
    return Text(f"  and {counted(len(hidden), 'more process', 'more processes')}: {listed}", DETAIL)


def _head(columns: list[Column], exit_cells: int) -> Text:
    cells = [
        left(f"   {column.head}", column.cells)
        if column.to_left
        else right(column.head, column.cells)
        for column in columns
    ]
    return Text("".join(cells) + ("   last exit" if exit_cells else ""), DETAIL)


def _row_line(row: Row, columns: list[Column], exit_cells: int, now: float) -> Text:
    line = Text()
    for column in columns:
        text = column.text(row, now)
        aligned = left(text, column.cells) if column.to_left else right(text, column.cells)
        line.append(aligned, STATE_STYLES[row.process.state] if column.head == "state" else PLAIN)
    if exit_cells and row.process.last_exit:
        line.append(f"   {cut(escape(row.process.last_exit), exit_cells)}", DETAIL)
    return line


def _up(process: ProcessStatus, now: float) -> str:
    return "-" if process.pid is None else duration(now - process.since)


def _or_dash(value: int | str | None) -> str:
    return str(value) if value else "-"


def _exits(snapshot: Snapshot) -> bool:
    return any(child.last_exit for child in (*snapshot.hosts, *snapshot.gateways))


def _details(snapshot: Snapshot, *, told_in_rows: bool) -> list[Text]:
    """Say below the table what is wrong with the hosts that do not serve."""
    lines: list[Text] = []
    if not told_in_rows:
        lines.extend(
            Text(f"  host {host.index} ended: {escape(host.last_exit)}", BROKEN)
            for host in snapshot.hosts
            if host.last_exit and host.state is not State.SERVING
        )
    for traceback, indexes in _tracebacks(snapshot).items():
        hosts = "host" if len(indexes) == 1 else "hosts"
        lines.append(Text(f"  {hosts} {', '.join(indexes)} cannot load the code:", BROKEN))
        lines.extend(traceback_lines(traceback, _MOST_TRACEBACK_LINES))
    return lines


def _tracebacks(snapshot: Snapshot) -> dict[str, list[str]]:
    """Group hosts by what broke them: the same code usually breaks all of them alike."""
    groups: dict[str, list[str]] = {}
    for host in snapshot.hosts:
        if host.traceback and host.state is not State.SERVING:
            groups.setdefault(host.traceback, []).append(str(host.index))
    return groups
