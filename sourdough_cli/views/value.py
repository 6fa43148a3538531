"""A value that an object returned: for people as Python writes it, for programs as JSON."""

from __future__ import annotations

import base64
import datetime as dt
import math
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from typing import Any

from rich.text import Text

from sourdough_cli.views.escape import escape


def value_lines(value: Any, *, width: int) -> list[Text]:
    """Return a value as Python writes it, over several lines where it is long."""
    from rich.pretty import pretty_repr

    return [Text(escape(line)) for line in pretty_repr(value, max_width=width).split("\n")]


def json_value(value: Any) -> Any:
    """Return the nearest value that JSON can say.

    Bytes become {"base64": ...}, dates text of ISO 8601, sets lists, keys that are no text their
    Python form, NaN and the infinities null.
    """
    if isinstance(value, Mapping):
        return {_key(key): json_value(each) for key, each in value.items()}
    if isinstance(value, list | tuple | AbstractSet):
        return [json_value(each) for each in value]
    return _single(value)


def _single(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, bytes | bytearray):
        return {"base64": base64.b64encode(value).decode()}
    if isinstance(value, dt.datetime | dt.date | dt.time):
        return value.isoformat()
    return str(value)


def _key(key: Any) -> str:
    return key if isinstance(key, str) else repr(key)
