"""Records as lines of text: what scrolls above the table of `sourdough dev`.

A line begins with the local time; what belongs to it stands below, indented to the same column.
Every text that a user or a client supplied is escaped here, so a line never holds a control
character.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from rich.text import Text

from sourdough.observe import records as r
from sourdough_cli.views.escape import escape, escape_output
from sourdough_cli.views.numbers import counted, duration, latency
from sourdough_cli.views.palette import BROKEN, DETAIL, GOOD, PLAIN, WAITING
from sourdough_cli.views.request_line import request_lines

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import tzinfo

_INDENT = " " * 10
_MOST_TRACEBACK_LINES = 12

_LEVEL_STYLES = {"error": BROKEN, "warning": WAITING, "debug": DETAIL}


def record_lines(record: r.AnyRecord, *, width: int, zone: tzinfo | None = None) -> list[Text]:
    """Return the lines of one record for a terminal of `width` cells.

    `zone` is the time zone of the clock at the left; None is the machine's own.
    """
    clock = clock_text(record.ts, zone)
    if isinstance(record, r.RequestServed):
        return request_lines(record, clock=clock, width=width)
    if isinstance(record, r.ServerStopping | r.DrainWaiting | r.ServerStopped):
        return _UNTIMED[type(record)](record)
    first, *rest = _TIMED[type(record)](record)
    return [Text.assemble((clock, DETAIL), "  ", first), *(_indented(line) for line in rest)]


def clock_text(ts: float, zone: tzinfo | None) -> str:
    """Write a moment as the time of day: "10:42:07"."""
    return datetime.fromtimestamp(ts, UTC).astimezone(zone).strftime("%H:%M:%S")


def _indented(line: Text) -> Text:
    return Text.assemble(_INDENT, line)


def _folded(record: r.RequestsFolded) -> list[Text]:
    line = Text(f"{counted(record.total, 'request')}  {record.ok:,} ok  ")
    line.append(f"{record.failed:,} failed", BROKEN if record.failed else PLAIN)
    if record.p50 is not None:
        line.append(f"  p50 {latency(record.p50)}")
    if record.p99 is not None:
        line.append(f"  p99 {latency(record.p99)}")
    return [line]


def _host_crashed(record: r.HostCrashed) -> list[Text]:
    text = f"host {record.host} crashed: {escape(record.reason)}, restart {record.restart}"
    return [Text(text + _while_running(record.running), BROKEN)]


def _host_recovered(record: r.HostRecovered) -> list[Text]:
    text = f"host {record.host} answers again after {_span(record.ms)}"
    return [Text.assemble((text, GOOD), (f"   pid {record.pid}", DETAIL))]


def _gateway_crashed(record: r.GatewayCrashed) -> list[Text]:
    what = f"gateway {record.gateway} crashed: {escape(record.reason)}, restart {record.restart}"
    return [Text(f"{what}, its connections are lost", BROKEN)]


def _backing_off(record: r.ChildBackingOff) -> list[Text]:
    times = counted(record.restarts, "time")
    what = "the next standby starts" if record.standby else "it starts again"
    text = f"{escape(record.child)} ended {times}; {what} in {duration(record.seconds)}"
    return [Text(text, WAITING)]


def _host_stuck(record: r.HostStuck) -> list[Text]:
    silent = f"host {record.host} has not answered for {duration(record.seconds)}"
    return [Text(f"{silent}{_while_running(record.running)}; it is being replaced", BROKEN)]


def _quarantined(record: r.ObjectQuarantined) -> list[Text]:
    text = f"{escape(record.object)} is in quarantine for {duration(record.seconds)}"
    why = f": hosts ended while they ran it, at last by {escape(record.reason)}"
    return [Text(text + why, BROKEN)]


def _lifted(record: r.QuarantineLifted) -> list[Text]:
    text = f"{escape(record.object)} is out of quarantine: {escape(record.reason)}"
    return [Text(text, GOOD)]


def _span(ms: float) -> str:
    """Write how long one thing took; unlike a latency it needs no fraction."""
    return f"{ms:.0f} ms" if ms < 10_000 else duration(ms / 1000)


def _while_running(running: str | None) -> str:
    return f", while running {escape(running)}" if running else ""


def _reload_done(record: r.ReloadDone) -> list[Text]:
    what = f"reloaded {_files(record.files)} in {_span(record.ms)}"
    return [
        Text.assemble((what, GOOD), f"   {counted(record.objects, 'object')} handed over"),
    ]


def _reload_failed(record: r.ReloadFailed) -> list[Text]:
    changed = "changed, not loaded" if record.serving else "does not load"
    head = f"{_files(record.files)} {changed}: "
    lines = [Text.assemble(head, (escape(record.error), BROKEN))]
    if record.place is not None:
        source = f"    {escape_output(record.source).strip()}" if record.source else ""
        lines.append(Text(f"  {escape(record.place)}{source}"))
    elif record.traceback is not None:
        lines.extend(traceback_lines(record.traceback))
    state = "The previous code keeps serving." if record.serving else "Nothing serves yet."
    lines.append(Text(f"{state} Save again to retry."))
    return lines


def traceback_lines(traceback: str, most: int = _MOST_TRACEBACK_LINES) -> list[Text]:
    """Return the last lines of a traceback; the end is what tells most."""
    lines = traceback.rstrip().splitlines()
    return [Text(f"  {escape_output(line)}", DETAIL) for line in lines[-most:]]


def _files(files: tuple[str, ...]) -> str:
    if len(files) > 3:
        return f"{escape(files[0])} and {len(files) - 1} more files"
    return ", ".join(escape(file) for file in files) or "the code"


def _scheduled(record: r.ScheduledRan) -> list[Text]:
    due = datetime.fromtimestamp(record.scheduled, UTC).strftime("%Y-%m-%d %H:%M UTC")
    line = Text(f"scheduled   {escape(record.cron)}   {due}   {_span(record.ms)}")
    if record.error is not None:
        line.append(f"   {escape(record.error)}", BROKEN)
    return [line]


def _migrated(record: r.Migrated) -> list[Text]:
    return [Text(escape(record.text), GOOD)]


def _started(record: r.ServerStarted) -> list[Text]:
    hosts = counted(record.hosts, "host") if record.hosts else "one process"
    return [
        Text.assemble(
            ("serving", GOOD),
            f" {escape(record.url)} with {hosts}, ready after {_span(record.ms)}",
        ),
    ]


def _output(record: r.Output) -> list[Text]:
    style = _LEVEL_STYLES.get(record.level, PLAIN)
    word = "" if record.level == "info" else f"{record.level}: "
    texts = record.text.splitlines() or [""]
    first = Text.assemble((_origin(record), DETAIL), (word + escape_output(texts[0]), style))
    return [first, *(Text(escape_output(text), style) for text in texts[1:])]


def _origin(record: r.Output) -> str:
    if record.class_name is not None:
        name = f"{record.class_name}:{record.object}" if record.object else record.class_name
        return f"{escape(name)}  "
    return "" if record.host is None else f"host {record.host}  "


def _warned(record: r.Warned) -> list[Text]:
    lines = [Text(f"warning: {escape(record.text)}", WAITING)]
    return [*lines, Text(escape(record.hint))] if record.hint else lines


def _dropped(record: r.Dropped) -> list[Text]:
    lines = counted(record.count, "line")
    return [Text(f"{lines} not shown: the terminal did not take them in time", WAITING)]


def _stopping(record: r.ServerStopping) -> list[Text]:
    left = (
        f"{counted(record.events, 'request')} in flight, {counted(record.objects, 'object')} live"
    )
    again = "     Ctrl-C again to stop at once"
    return [Text.assemble((f"stopping: {left}", WAITING), (again, DETAIL))]


def _waiting(record: r.DrainWaiting) -> list[Text]:
    what = f"{escape(record.object)}, {escape(record.what)} for {duration(record.seconds)}"
    line = Text(f"waiting for {what}", WAITING)
    if record.place is not None:
        line.append(f"   {escape(record.place)}", PLAIN)
    return [line]


def _stopped(record: r.ServerStopped) -> list[Text]:
    after = f"stopped after {duration(record.seconds)}"
    if record.clean:
        return [Text(f"{after}, everything acknowledged is on disk")]
    return [Text(f"{after}, work in flight was cut short", WAITING)]


_TIMED: dict[type[r.Record], Callable[[Any], list[Text]]] = {
    r.RequestsFolded: _folded,
    r.HostCrashed: _host_crashed,
    r.HostRecovered: _host_recovered,
    r.GatewayCrashed: _gateway_crashed,
    r.ChildBackingOff: _backing_off,
    r.HostStuck: _host_stuck,
    r.ObjectQuarantined: _quarantined,
    r.QuarantineLifted: _lifted,
    r.ReloadDone: _reload_done,
    r.ReloadFailed: _reload_failed,
    r.ScheduledRan: _scheduled,
    r.Migrated: _migrated,
    r.ServerStarted: _started,
    r.Output: _output,
    r.Warned: _warned,
    r.Dropped: _dropped,
}

# The last words of a server stand at the left edge, as an answer to Ctrl-C.
_UNTIMED: dict[type[r.Record], Callable[[Any], list[Text]]] = {
    r.ServerStopping: _stopping,
    r.DrainWaiting: _waiting,
    r.ServerStopped: _stopped,
}
