"""What `status` and `ls` print, at 80 and 120 columns, with and without colour."""

from __future__ import annotations

import io

import msgspec
import pytest
from rich.console import Console

from sourdough.coordinator.listing import ListedObject, Listing
from sourdough.observe.status import (
    CoordinatorStatus,
    CronStatus,
    GatewayStatus,
    HostStatus,
    QuarantinedStatus,
    Snapshot,
    State,
)
from sourdough_cli.views.listing import listing_lines
from sourdough_cli.views.status import not_running_lines, status_lines

NOW = 1_800_000_000.0


def shown(lines, width: int, *, colour: bool = False) -> str:
    """Print lines as a terminal of this width would get them."""
    out = io.StringIO()
    system = "standard" if colour else None
    console = Console(file=out, width=width, force_terminal=colour, color_system=system)
    for line in lines:
        console.print(line, soft_wrap=True, highlight=False)
    return out.getvalue()


SNAPSHOT = Snapshot(
    version="0.1.0",
    name="chat-app",
    url="http://127.0.0.1:8787",
    storage=".sourdough",
    durability="disk",
    sync_seconds=0.00012,
    coordinator=CoordinatorStatus(pid=41199, since=NOW - 120, mode="serve"),
    gateways=(
        GatewayStatus(index=1, pid=41200, state=State.SERVING, since=NOW - 120, connections=18),
    ),
    hosts=(
        HostStatus(
            index=1, pid=41201, state=State.SERVING, since=NOW - 120, objects=61, p50=0.4, p99=1.1
        ),
        HostStatus(index=2, pid=None, state=State.BACKOFF, since=NOW - 3, restarts=4),
    ),
    standby=None,
    table_version=3,
    objects_known=12041,
)


@pytest.mark.parametrize("width", [80, 120])
def test_status_shows_the_server_and_every_process(width):
    """Who serves where, what it stores, and one line for each process, within the width."""
    lines = shown(status_lines(SNAPSHOT, now=NOW, width=width), width).splitlines()
    assert lines[:3] == [
        "chat-app   running   http://127.0.0.1:8787",
        "  serve   pid 41199   up 2 min   sourdough 0.1.0",
        "  storage .sourdough   12,041 objects   durable: disk, synced in 0.120 ms",
    ]
    assert [line.split()[0] for line in lines[4:]] == ["host", "1", "2", "gw"]
    assert "backing off" in lines[6]
    assert max(map(len, lines)) <= width


def test_a_long_path_pushes_nothing_off_the_screen():
    """What does not fit beside the storage folder stands below it."""
    changed = msgspec.structs.replace(SNAPSHOT, storage="/home/ada/projects/chat-app/.sourdough")
    lines = shown(status_lines(changed, now=NOW, width=80), 80).splitlines()
    assert lines[2:4] == [
        "  storage /home/ada/projects/chat-app/.sourdough",
        "          12,041 objects   durable: disk, synced in 0.120 ms",
    ]


def test_status_names_the_programs_that_use_the_hosts():
    """Those with the library, which were not started by the coordinator."""
    coordinator = CoordinatorStatus(pid=1, since=NOW, mode="library", clients=(41300, 41301))
    changed = msgspec.structs.replace(SNAPSHOT, coordinator=coordinator)
    lines = shown(status_lines(changed, now=NOW, width=80), 80).splitlines()
    assert lines[3] == "  used by 2 programs: pid 41300, 41301"


def test_status_says_in_words_what_it_says_in_colour():
    """Green is `running`, yellow `draining`; without colour the words remain."""
    coloured = shown(status_lines(SNAPSHOT, now=NOW, width=80), 80, colour=True)
    assert "\x1b[32mrunning\x1b[0m" in coloured
    plain = shown(status_lines(SNAPSHOT, now=NOW, width=80), 80)
    assert "\x1b" not in plain


def test_a_draining_server_says_so():
    """A server that is about to end is not called running."""
    import msgspec

    coordinator = msgspec.structs.replace(SNAPSHOT.coordinator, draining=True)
    snapshot = msgspec.structs.replace(SNAPSHOT, coordinator=coordinator, sync_seconds=None)
    text = shown(status_lines(snapshot, now=NOW, width=80), 80)
    assert "draining" in text
    assert "running" not in text
    assert "durable: disk\n" in text


def test_no_server_is_told_with_what_starts_one():
    """`not running` names the folder, and the pid of a server that broke off."""
    assert shown(not_running_lines(".sourdough", ended=None), 80).splitlines() == [
        "not running   storage .sourdough",
        "  `sourdough dev` or `sourdough serve` starts one.",
    ]
    assert "pid 77" in shown(not_running_lines(".sourdough", ended=77), 80)


def listed(digit: str, **rest) -> ListedObject:
    fields = {"binding": "COUNTER", "class_name": "Counter", "storage_name": "Counter"}
    return ListedObject(**{**fields, **rest}, id=digit * 64)


PAGE = Listing(
    objects=(
        listed("a", name="lobby", created=NOW - 3 * 86_400),
        listed("b", name="x" * 200, created=NOW - 5),
        listed("c", binding=None, name="evil\x1b[2J\n"),
        listed("d"),
    ),
    next="Counter/" + "d" * 64,
    total=12_041,
)


@pytest.mark.parametrize("width", [80, 120])
@pytest.mark.parametrize("colour", [False, True])
def test_a_page_has_a_line_for_each_object_and_the_way_on(width, colour):
    """Columns fit the width, strange names are harmless, and the next command is whole."""
    lines = listing_lines(PAGE, now=NOW, width=width, command="sourdough ls COUNTER")
    text = shown(lines, width, colour=colour)
    rows = [line.plain for line in lines]
    assert rows[0].split() == ["binding", "id", "created", "name"]
    assert rows[1].split() == ["COUNTER", "aaaaaaaaaaaa..", "3", "days", "ago", '"lobby"']
    assert rows[2].endswith("..")
    assert rows[3].split() == ["(Counter)", "cccccccccccc..", "-", '"evil\\x1b[2J\\n"']
    assert rows[4].split() == ["COUNTER", "dddddddddddd..", "-", "-"]
    assert rows[-1] == f"sourdough ls COUNTER --after Counter/{'d' * 64}"
    assert max(map(len, rows[:-1])) <= width
    assert "\x1b[2J" not in text
    assert ("\x1b[2m" in text) is colour


def test_the_last_page_tells_the_total_and_an_empty_one_says_so():
    """Silence is never an answer."""
    last = Listing(objects=PAGE.objects[:1], next=None, total=1)
    lines = listing_lines(last, now=NOW, width=80, command="sourdough ls")
    assert lines[-1].plain == "1 object"
    empty = Listing(objects=(), next=None, total=0)
    assert listing_lines(empty, now=NOW, width=80, command="x")[0].plain == "No objects."


@pytest.mark.parametrize("width", [80, 120])
def test_status_shows_crons_and_what_is_in_quarantine(width):
    """When the next run is, how the last went, and whom nothing reaches until when."""
    snapshot = msgspec.structs.replace(
        SNAPSHOT,
        crons=(
            CronStatus(cron="*/5 * * * *", next=NOW + 60, last=NOW - 240, error="ValueError: no"),
            CronStatus(cron="0 3 * * MON", next=None, running=1),
        ),
        quarantined=(
            QuarantinedStatus(
                object="Room:bad", storage_name="Room", id="ab" * 32, until=NOW + 42, reason="x"
            ),
        ),
    )
    text = shown(status_lines(snapshot, now=NOW, width=width), width)
    assert "cron  */5 * * * *   next in 1 min   last 4 min ago   ValueError: no" in text
    assert "cron  0 3 * * MON   next never   running" in text
    assert "Room:bad   in quarantine for 42 s" in text
    assert max(map(len, text.splitlines())) <= width
