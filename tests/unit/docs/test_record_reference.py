"""The reference of the JSON log is the closed set of records."""

from __future__ import annotations

from typing import get_args

import msgspec

from sourdough.observe.records import AnyRecord
from tests.unit.docs import markdown


def keys_of(record: type[msgspec.Struct]) -> str:
    """Return the keys of a record besides `ts`, `level` and `event`; those that may be null in brackets."""
    return ", ".join(
        f"`{field.name}`" if field.required else f"[`{field.name}`]"
        for field in msgspec.structs.fields(record)
        if field.name not in {"ts", "level"}
    )


def test_the_reference_is_the_set_of_records():
    """Each kind with its keys, in order."""
    expected = [
        (f"`{record.__struct_config__.tag}`", keys_of(record)) for record in get_args(AnyRecord)
    ]
    shown = markdown.table(markdown.ROOT / "docs" / "cli.md", "event", "keys", "when")
    assert [row[:2] for row in shown] == expected, markdown.written(expected)
    assert all(row[2] for row in shown)
