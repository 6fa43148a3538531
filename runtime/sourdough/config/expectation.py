"""What a field of the model accepts, and what it got, in words for people. Pure."""

from __future__ import annotations

import datetime as dt
import json
from typing import Any

from msgspec import inspect

# Enough of a wrong value to recognise it; a pasted certificate must not fill the screen.
_SHOWN_CHARACTERS = 40

_PATTERN_WORDS = {
    "^/": "a path that begins with /",
    "^[A-Za-z_]": "a name of ASCII letters, digits and _",
    "^[A-Za-z0-9]": "a name of ASCII letters, digits, '-', '_' and '.', at most 63 characters",
    r"^[^\s/]": "a host name or an address",
}


def bare(kind: inspect.Type) -> inspect.Type:
    """Return a type without the metadata around it."""
    while isinstance(kind, inspect.Metadata):
        kind = kind.type
    return kind


def expected(kind: inspect.Type) -> str:
    """Describe the values of a type: "a whole number from 0 to 1024"."""
    match bare(kind):
        case inspect.StrType() as text:
            return _expected_text(text)
        case inspect.IntType() | inspect.FloatType() as number:
            words = "a whole number" if isinstance(number, inspect.IntType) else "a number"
            return words + _range(number)
        case inspect.LiteralType(values=values):
            *first, last = map(show, values)
            return f"{', '.join(first)} or {last}" if first else last
        case inspect.UnionType(types=types):
            return " or ".join(expected(each) for each in types if not _is_none(each))
        case inspect.VarTupleType(item_type=item):
            return "an array of tables" if _is_table(item) else "an array of text"
        case other:
            return _PLAIN_WORDS[type(other)]


def _expected_text(kind: inspect.StrType) -> str:
    if kind.pattern is None:
        return "text that is not empty" if kind.min_length else "text"
    return next(words for start, words in _PATTERN_WORDS.items() if kind.pattern.startswith(start))


_PLAIN_WORDS: dict[type, str] = {
    inspect.BoolType: "true or false",
    inspect.DateType: 'a date such as "2026-01-31"',
    inspect.DictType: "a table",
    inspect.StructType: "a table",
}


def show(value: Any) -> str:
    """Return a TOML value as it is written, shortened; tables and arrays by their kind."""
    match value:
        case dict():
            return "a table"
        case list():
            return "an array"
        case bool() | str():
            text = json.dumps(value, ensure_ascii=False)
        case dt.date() | dt.time():
            text = value.isoformat()
        case _:
            text = str(value)
    return text if len(text) <= _SHOWN_CHARACTERS else f"{text[: _SHOWN_CHARACTERS - 2]}.."


def choices(kind: inspect.Type) -> list[str]:
    """Return the texts that a type enumerates; none where it is open."""
    kind = bare(kind)
    if isinstance(kind, inspect.UnionType):
        return [text for each in kind.types for text in choices(each)]
    return [str(value) for value in kind.values] if isinstance(kind, inspect.LiteralType) else []


def admits_text(kind: inspect.Type) -> bool:
    """Say whether some text is a value of the type."""
    kind = bare(kind)
    if isinstance(kind, inspect.UnionType):
        return any(admits_text(each) for each in kind.types)
    return isinstance(kind, inspect.StrType)


def _is_none(kind: inspect.Type) -> bool:
    return isinstance(bare(kind), inspect.NoneType)


def _is_table(kind: inspect.Type) -> bool:
    return isinstance(bare(kind), inspect.StructType)


def _number(number: float) -> str:
    return str(int(number)) if number == int(number) else f"{number:g}"


def _range(kind: inspect.IntType | inspect.FloatType) -> str:
    match kind:
        case _ if kind.ge is not None and kind.le is not None:
            return f" from {_number(kind.ge)} to {_number(kind.le)}"
        case _ if kind.gt is not None and kind.le is not None:
            return f" above {_number(kind.gt)}, at most {_number(kind.le)}"
        case _ if kind.ge is not None:
            return f", {_number(kind.ge)} or more"
        case _:
            return ""
