"""Values that storage and calls keep as they are."""

from __future__ import annotations

import datetime as dt
import decimal
import math
import uuid
from typing import Any

SAMPLES: dict[str, Any] = {
    "None": None,
    "bool": True,
    "int": 1,
    "negative int": -(2**31),
    "2**53 + 1": 2**53 + 1,
    "2**63": 2**63,
    "2**200": 2**200,
    "float": 0.1,
    "negative zero": -0.0,
    "infinity": math.inf,
    "not a number": math.nan,
    "empty text": "",
    "text": "na\u00efve \u4e2d \U0001f600 \x00",
    "bytes": bytes(range(256)),
    "list": [1, [2, []]],
    "tuple": (1, (2,), ()),
    "dict": {"a": {"b": None}},
    "dict in its order": {"b": 1, "a": 2},
    "dict with other keys": {1: "a", (2, 3): "b", None: "c", b"d": "d", False: "e", 2.5: "f"},
    "set": {1},
    "frozenset": frozenset({"a"}),
    "complex": 1 + 2j,
    "datetime": dt.datetime(2026, 1, 2, 3, 4, 5, 678901),  # noqa: DTZ001 (naive on purpose)
    "aware datetime": dt.datetime(2026, 1, 2, tzinfo=dt.timezone(dt.timedelta(hours=5.5))),
    "date": dt.date(2026, 1, 2),
    "time": dt.time(3, 4, 5),
    "timedelta": dt.timedelta(days=-1, microseconds=1),
    "decimal": decimal.Decimal("1.10"),
    "uuid": uuid.UUID(int=7),
}
