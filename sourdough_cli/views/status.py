"""What `sourdough status` says about a running server. Pure: snapshot -> text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.text import Text

from sourdough_cli.views.escape import escape
from sourdough_cli.views.numbers import ago, counted, duration, three_digits
from sourdough_cli.views.palette import BROKEN, DETAIL, GOOD, WAITING
from sourdough_cli.views.table import table_lines

if TYPE_CHECKING:
    from sourdough.observe.status import CronStatus, Snapshot

# A process needs a line; a listing that scrolls hides nothing.
_EVERY_ROW = 10_000


def status_lines(snapshot: Snapshot, *, now: float, width: int) -> list[Text]:
    """Return the whole status, at most `width` cells wide; `now` is in Unix seconds."""
    lines = [_title(snapshot), _coordinator(snapshot, now), *_storage(snapshot, width)]
    lines += [*_clients(snapshot), Text()]
    lines += table_lines(snapshot, now=now, width=width, height=_EVERY_ROW)
    lines += _crons(snapshot, now)
    lines += _quarantined(snapshot, now)
    for line in lines:
        line.truncate(width, overflow="crop")
    return lines


def not_running_lines(storage: str, *, ended: int | None) -> list[Text]:
    """Return what is said where no server runs; `ended` is the pid of one that broke off."""
    lines = [Text.assemble(("not running", BROKEN), f"   storage {escape(storage)}")]
    if ended is not None:
        lines.append(Text(f"  The last server, pid {ended}, did not end in order."))
    lines.append(Text("  `sourdough dev` or `sourdough serve` starts one.", DETAIL))
    return lines


def _title(snapshot: Snapshot) -> Text:
    draining = snapshot.coordinator.draining
    return Text.assemble(
        (escape(snapshot.name), "bold"),
        "   ",
        ("draining", WAITING) if draining else ("running", GOOD),
        f"   {escape(snapshot.url)}",
    )


def _coordinator(snapshot: Snapshot, now: float) -> Text:
    coordinator = snapshot.coordinator
    return Text(
        f"  {coordinator.mode}   pid {coordinator.pid}   up {duration(now - coordinator.since)}"
        f"   sourdough {escape(snapshot.version)}"
    )


def _clients(snapshot: Snapshot) -> list[Text]:
    pids = snapshot.coordinator.clients
    if not pids:
        return []
    return [Text(f"  used by {counted(len(pids), 'program')}: pid {', '.join(map(str, pids))}")]


def _storage(snapshot: Snapshot, width: int) -> list[Text]:
    """Return one line, or two where that is too long: a path is of any length."""
    place = Text(f"  storage {escape(snapshot.storage)}")
    objects = counted(snapshot.objects_known, "object")
    state = Text.assemble(f"   {objects}   ", (_durability(snapshot), DETAIL))
    line = Text.assemble(place, state)
    return [line] if line.cell_len <= width else [place, Text.assemble("       ", state)]


def _crons(snapshot: Snapshot, now: float) -> list[Text]:
    """Return a line for each cron: when it is due, how it went."""
    if not snapshot.crons:
        return []
    width = max(len(escape(each.cron)) for each in snapshot.crons)
    return [Text(), *(_cron(each, width, now) for each in snapshot.crons)]


def _cron(cron: CronStatus, width: int, now: float) -> Text:
    due = "never" if cron.next is None else f"in {duration(max(0.0, cron.next - now))}"
    line = Text(f"  cron  {escape(cron.cron):<{width}}   next {due}")
    if cron.running:
        line.append("   running", GOOD)
    if cron.last is not None:
        line.append(f"   last {ago(max(0.0, now - cron.last))}")
    if cron.error is not None:
        line.append(f"   {escape(cron.error)}", BROKEN)
    return line


def _quarantined(snapshot: Snapshot, now: float) -> list[Text]:
    """Return a line for each object that nothing reaches now."""
    if not snapshot.quarantined:
        return []
    lines = [
        Text.assemble(
            f"  {escape(each.object)}   ",
            (f"in quarantine for {duration(max(0.0, each.until - now))}", BROKEN),
            (f"   {each.id}", DETAIL),
        )
        for each in snapshot.quarantined
    ]
    return [Text(), *lines]


def _durability(snapshot: Snapshot) -> str:
    if snapshot.sync_seconds is None:
        return f"durable: {snapshot.durability}"
    return (
        f"durable: {snapshot.durability}, synced in {three_digits(snapshot.sync_seconds * 1000)} ms"
    )
