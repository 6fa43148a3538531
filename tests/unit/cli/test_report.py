"""What `inspect` and `rm` print, at 80 and 120 columns, with and without colour."""

from __future__ import annotations

import io

import msgspec
import pytest
from rich.console import Console

from sourdough.coordinator.inspection import Inspection, Life, Removed
from sourdough.observe.sockets import report_sockets
from sourdough.storage.inspection import EntryReport, ObjectReport, TableReport
from sourdough_cli.views.removal import removal_lines, removed_lines
from sourdough_cli.views.report import report_lines

NOW = 1_800_000_000.0
ID = "7f3a91c2e0d4" + "0" * 52

REPORT = ObjectReport(
    storage_name="Counter",
    class_name="Counter",
    id=ID,
    name="a",
    file_size=16384,
    wal_size=2048,
    database_size=16384,
    created=NOW - 3 * 86_400,
    alarm=NOW + 240,
    entries=(
        EntryReport(key="profile", type="dict", size=212, value="{'name': 'Ada'" + ", ... " * 40),
        EntryReport(key="evil\x1b[2J", type="str", size=4, value="'\x1b]0;x'"),
        EntryReport(key="k" * 100, type="int", size=4, value="1204"),
    ),
    entry_count=1_203,
    tables=(
        TableReport(name="messages", kind="table", rows=312, columns="id INTEGER, author TEXT"),
        TableReport(name="fts", kind="full-text index of body", rows=None, columns="body"),
    ),
)
FOUND = Inspection(
    binding="COUNTER",
    class_name="Counter",
    storage_name="Counter",
    id=ID,
    name="a",
    slot=0x7F3,
    life=Life.LIVE,
    seat=1,
    host_pid=41201,
    report=REPORT,
)


def lines_of(found: Inspection, width: int = 80) -> list[str]:
    lines = report_lines(found, storage=".sourdough", now=NOW, width=width)
    return [line.plain for line in lines]


@pytest.mark.parametrize("width", [80, 120])
def test_a_live_object_is_shown_with_its_place_and_its_data(width):
    """Where it lives, its file, its values and its tables; only what is to be copied is longer."""
    lines = lines_of(FOUND, width)
    assert lines[:5] == [
        'Counter "a"   live on host 1 (pid 41201), seat 1, slot 0x7f3',
        f"  id        {ID}",
        f"  database  .sourdough/Counter/7f3/{ID}.sqlite   16 KB + 2 KB in its -wal",
        "  created   3 days ago",
        "  alarm     in 4 min (08:04:00 UTC)",
    ]
    assert lines[6].split() == ["key", "type", "size", "value"]
    assert lines[7].split()[:4] == ['"profile"', "dict", "212", "B"]
    assert lines[10] == "  and 1,200 more keys; --limit shows them"
    assert lines[13].split() == ["messages", "312", "id", "INTEGER,", "author", "TEXT"]
    assert lines[14].split() == ["fts", "-", "full-text", "index", "of", "body"]
    assert max(len(line) for line in [*lines[:2], *lines[3:]]) <= width


def test_strange_keys_and_values_cannot_command_the_terminal():
    """What an object stored is written out, never sent."""
    text = "\n".join(lines_of(FOUND))
    assert "\x1b" not in text
    assert "evil\\x1b[2J" in text


@pytest.mark.parametrize("colour", [False, True])
def test_the_word_says_what_the_colour_says(colour):
    """Live is green on a terminal, and `live` everywhere."""
    out = io.StringIO()
    console = Console(
        file=out, width=80, force_terminal=colour, color_system="standard" if colour else None
    )
    for line in report_lines(FOUND, storage="s", now=NOW, width=80):
        console.print(line, soft_wrap=True, highlight=False)
    assert ("\x1b[32mlive\x1b[0m" in out.getvalue()) is colour
    assert ("\x1b" in out.getvalue()) is colour


@pytest.mark.parametrize(
    ("changes", "title"),
    [
        (
            {"life": Life.ASLEEP},
            'Counter "a"   asleep (nothing in memory), owner host 1 (pid 41201), seat 1',
        ),
        (
            {"life": Life.ASLEEP, "host_pid": None, "name": None},
            "Counter (no name)   asleep (nothing in memory), owner host 1 (being replaced), seat 1",
        ),
        (
            {"life": Life.NOT_RUNNING, "seat": None, "host_pid": None},
            'Counter "a"   not running, read from disk',
        ),
    ],
)
def test_the_title_says_whether_there_is_an_instance(changes, title):
    """Asleep, being replaced, and not running are different things."""
    found = msgspec.structs.replace(FOUND, **changes)
    assert lines_of(found)[0] == f"{title}, slot 0x7f3"


def test_an_alarm_that_is_due_says_since_when():
    """Overdue is told as such, and a far alarm with its date."""
    due = msgspec.structs.replace(REPORT, alarm=NOW - 7)
    assert "due since 7 s" in lines_of(msgspec.structs.replace(FOUND, report=due))[4]
    far = msgspec.structs.replace(REPORT, alarm=NOW + 90_000)
    assert "2027-01-16" in lines_of(msgspec.structs.replace(FOUND, report=far))[4]


def test_the_sockets_of_an_object_are_counted_by_tag():
    """How many there are, and under which tags; nothing where there are none."""
    two = report_sockets([("lobby", "evil\x1b"), ("lobby",)])
    shown = lines_of(msgspec.structs.replace(FOUND, sockets=two))
    assert shown[5] == "  sockets   2   tags: evil\\x1b (1), lobby (2)"
    plain = report_sockets([()] * 1_204)
    assert lines_of(msgspec.structs.replace(FOUND, sockets=plain))[5] == "  sockets   1,204"
    assert lines_of(msgspec.structs.replace(FOUND, sockets=report_sockets([]))) == lines_of(FOUND)
    many = report_sockets([(f"tag-{number}",) for number in range(200)])
    assert len(many.tags) == 100
    assert len(lines_of(msgspec.structs.replace(FOUND, sockets=many))[5]) == 80


def test_an_object_with_sockets_may_have_stored_nothing():
    """Tags and attachments are kept by the gateways, not in its file."""
    found = msgspec.structs.replace(FOUND, report=None, sockets=report_sockets([("lobby",)]))
    assert lines_of(found)[2:] == ["  sockets   1   tags: lobby (1)", "  nothing is stored yet"]


def test_an_object_that_wrote_nothing_says_so():
    """A live object without a file has no database to show."""
    lines = lines_of(msgspec.structs.replace(FOUND, report=None))
    assert lines[-1] == "  nothing is stored yet"


def test_keys_that_were_not_asked_for_are_counted():
    """With --limit 0 the number of keys is all there is to see of them."""
    report = msgspec.structs.replace(REPORT, entries=(), tables=())
    assert lines_of(msgspec.structs.replace(FOUND, report=report))[-1] == "  1,203 keys"


def test_rm_says_what_will_be_lost_and_what_was():
    """The whole id and the amount of data stand before the question."""
    assert [line.plain for line in removal_lines(FOUND)] == [
        'This deletes Counter "a" for good:',
        f"  {ID}",
        "  1,203 keys, 2 tables, an alarm, 18 KB",
    ]
    nest = msgspec.structs.replace(FOUND, report=msgspec.structs.replace(REPORT, facets=("a", "b")))
    assert removal_lines(nest)[2].plain.endswith("an alarm, 18 KB, 2 facets beside it")
    removed = Removed(storage_name="Counter", id=ID, name=None, size=18_432)
    assert removed_lines(removed)[0].plain == f"Deleted Counter {ID}: 18 KB freed."


def test_the_facets_of_an_object_are_named():
    """In one line, which is cut where it is too long; what is in a name harms no terminal."""
    report = msgspec.structs.replace(REPORT, facets=("a", "evil\x1b[2J"))
    found = msgspec.structs.replace(FOUND, report=report)
    assert '  facets    2: "a", "evil\\x1b[2J"' in lines_of(found)
    report = msgspec.structs.replace(REPORT, facets=tuple(f"facet {n}" for n in range(1_000)))
    [line] = [
        each
        for each in lines_of(msgspec.structs.replace(FOUND, report=report))
        if each.startswith("  facets")
    ]
    assert line.startswith('  facets    1,000: "facet 0"')
    assert len(line) <= 80
