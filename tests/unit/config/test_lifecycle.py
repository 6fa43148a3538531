"""Migrations and exports are checked before any data is looked at, each fault at its line."""

from __future__ import annotations

import pytest

from sourdough.config.lifecycle import Lifecycle
from sourdough.config.packed import pack, unpack
from sourdough.config.parse import parse

BOUND = """\
name = "app"
[[durable_objects.bindings]]
name = "TALLY"
class_name = "Tally"
module = "tally.py"
"""


def faults(text, bound=BOUND):
    """Return the faults of what stands below the binding as "line field text", from line 1."""
    above = bound.count("\n")
    return [
        f"{each.line - above} {each.field} {each.text}"
        for each in parse(bound + text, file="f").faults
    ]


def test_a_history_is_read_and_travels():
    """Hosts and gateways get the configuration as it is."""
    text = """\
[[migrations]]
tag = "v1"
new_classes = ["Counter"]
[[migrations]]
tag = "v2"
renamed_classes = [{ from = "Counter", to = "Tally" }]
deleted_classes = ["Old"]
[exports.Older]
state = "deleted"
"""
    parsed = parse(BOUND + text, file="f")
    assert parsed.faults == ()
    lifecycle = unpack(pack(parsed.config)).lifecycle
    assert isinstance(lifecycle, Lifecycle)
    assert [each.changes for each in lifecycle.migrations] == [
        ("new Counter",),
        ("delete Old", "rename Counter to Tally"),
    ]
    assert lifecycle.exports["Older"].state == "deleted"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            '[[migrations]]\ntag = "v1"\nrenamed_classes = [{ from = "Counter", to = "Taly" }]',
            "3 migrations[0].renamed_classes[0].to no binding has the class Taly; did you mean Tally?",
        ),
        (
            '[[migrations]]\ntag = "v1"\ndeleted_classes = ["Tally"]',
            (
                '-1 durable_objects.bindings[0].class_name the class Tally is deleted in "v1", by '
                "[[migrations]]; bind the class that takes its place, or remove the binding"
            ),
        ),
        (
            (
                '[[migrations]]\ntag = "v1"\nrenamed_classes = [{ from = "Tally", to = "Counter" }]\n'
                '[[migrations]]\ntag = "v2"\nnew_classes = ["Tally"]'
            ),
            (
                "3 migrations[0].renamed_classes[0].to no binding has the class Counter; "
                "bound are Tally"
            ),
        ),
        (
            (
                '[[migrations]]\ntag = "v1"\nnew_classes = ["Tally"]\n'
                '[[migrations]]\ntag = "v2"\nnew_sqlite_classes = ["Tally"]'
            ),
            "6 migrations[1].new_sqlite_classes[0] there is a class Tally already",
        ),
        (
            (
                '[[migrations]]\ntag = "v1"\ndeleted_classes = ["Old"]\n'
                '[[migrations]]\ntag = "v2"\ndeleted_classes = ["Old"]'
            ),
            '6 migrations[1].deleted_classes[0] there is no class Old any more: it is deleted in "v1"',
        ),
        (
            '[[migrations]]\ntag = "v1"\n[[migrations]]\ntag = "v1"',
            (
                '4 migrations[1].tag the tag "v1" is that of migrations[0]; give each migration a tag '
                "of its own"
            ),
        ),
        (
            '[[migrations]]\ntag = "v1"\nrenamed_clases = []',
            "3 migrations[0].renamed_clases unknown key; did you mean renamed_classes?",
        ),
        (
            '[[migrations]]\ntag = "v1"\nrenamed_classes = [{ from = "Old-Class", to = "Tally" }]',
            (
                "3 migrations[0].renamed_classes[0].from expected a name of ASCII letters, digits and "
                '_, got "Old-Class"'
            ),
        ),
        (
            '[exports.Tally]\nstate = "deleted"',
            (
                "2 exports.Tally.state the class Tally is bound, and cannot be deleted; bind the class "
                "that takes its place, or remove the binding"
            ),
        ),
        (
            '[exports.Old]\nstate = "renamed"\nrenamed_to = "Taly"',
            "3 exports.Old.renamed_to no binding has the class Taly; did you mean Tally?",
        ),
        (
            '[exports.Old]\nstate = "renamed"',
            '1 exports.Old renamed_to and state = "renamed" belong together',
        ),
        (
            '[exports.Old]\nstate = "deletd"',
            (
                '2 exports.Old.state expected "created", "deleted" or "renamed", got "deletd"; did you '
                "mean deleted?"
            ),
        ),
        ("[exports]\nOld = 1", "2 exports.Old expected a table, got 1"),
        (
            '[[migrations]]\ntag = "v1"\ndeleted_classes = ["Old"]\n[exports.Old]\nstate = "deleted"',
            "4 exports.Old [[migrations]] speak of Old; keep one of the two",
        ),
    ],
)
def test_each_mistake_is_one_fault_at_its_line(text, expected):
    """With the nearest name where there is one."""
    assert faults(text) == [expected]


@pytest.mark.parametrize(
    "text",
    [
        '[[migrations]]\ntag = "v1"\ntransferred_classes = [{ from = "A", to = "B" }]',
        '[exports.A]\ntransferred_to = "other"',
    ],
)
def test_transferring_a_class_is_refused_in_words(text):
    """It is no unknown key: there is a reason."""
    (fault,) = faults(text)
    assert "classes are not transferred between applications" in fault


@pytest.mark.parametrize(
    ("cron", "expected"),
    [
        ("* * * *", 'expected five fields such as "*/5 * * * *", got 4'),
        ("* * * * * *", 'expected five fields such as "*/5 * * * *", got 6'),
        ("61 * * * *", '"61 * * * *" is no cron expression: bad minute'),
        ("0 0 * * FOO", '"0 0 * * FOO" is no cron expression: bad day-of-week'),
        ("0 0 30 2 *", '"0 0 30 2 *" is no cron expression: bad day-of-month'),
    ],
)
def test_a_cron_that_never_comes_is_a_fault(cron, expected):
    """At its place in the list."""
    bound = BOUND.replace('name = "app"', 'name = "app"\nmain = "app.py"')
    text = f'[triggers]\ncrons = ["0 3 * * MON", "{cron}"]'
    assert faults(text, bound) == [f"2 triggers.crons[1] {expected}"]


def test_crons_need_an_entrypoint_and_stand_once():
    """Whose scheduled() would run otherwise?"""
    text = '[triggers]\ncrons = ["0 3 * * MON", "0 3 * * MON"]\nmissed = "twice"'
    assert faults(text) == [
        "2 triggers.crons[1] the same as triggers.crons[0]",
        (
            "2 triggers.crons crons run the entrypoint's scheduled(), and there is no entrypoint; "
            "name its module: main"
        ),
        '3 triggers.missed expected "once" or "skip", got "twice"',
    ]
