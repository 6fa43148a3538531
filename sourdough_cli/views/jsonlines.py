"""Records as JSON lines: what `sourdough serve` writes where there is no terminal.

Keys are those of `sourdough.observe.records`, after `ts` (UTC, milliseconds), `level` and
`event`; a key without a value is left out. One record is one line of printable characters.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import msgspec

from sourdough_cli.views.levels import level_of

if TYPE_CHECKING:
    from sourdough.observe.records import AnyRecord

_UNSAFE = re.compile("[\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff]")
_SURROGATE = re.compile("[\ud800-\udfff]")


def json_line(record: AnyRecord) -> str:
    """Return the JSON object of a record, without a line feed."""
    fields = msgspec.to_builtins(record)
    del fields["ts"]
    head = {"ts": moment(record.ts), "level": level_of(record), "event": fields.pop("event")}
    rest = {
        key: round(value, 3) if isinstance(value, float) else value
        for key, value in fields.items()
        if value is not None and key != "level"
    }
    return _encoded(head | rest)


def moment(ts: float) -> str:
    """Write Unix seconds as "2026-11-20T10:42:15.031Z"."""
    text = datetime.fromtimestamp(ts, UTC).isoformat(timespec="milliseconds")
    return text.replace("+00:00", "Z")


def _encoded(fields: dict[str, object]) -> str:
    try:
        line = msgspec.json.encode(fields).decode()
    except UnicodeEncodeError:  # a lone surrogate: bytes of a path that were not UTF-8
        return _encoded({key: _without_surrogates(value) for key, value in fields.items()})
    return line if line.isprintable() else _UNSAFE.sub(_escaped, line)


def _without_surrogates(value: object) -> object:
    if isinstance(value, str):
        return _SURROGATE.sub(lambda match: f"\\x{ord(match[0]) & 0xFF:02x}", value)
    if isinstance(value, list | tuple):
        return [_without_surrogates(item) for item in value]
    return value


def _escaped(match: re.Match[str]) -> str:
    return f"\\u{ord(match[0]):04x}"
