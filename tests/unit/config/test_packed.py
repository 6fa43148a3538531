"""A configuration reaches another process as it was read."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from sourdough.config.packed import pack, unpack
from sourdough.config.parse import parse

EXAMPLE = Path(__file__).parents[3] / "sourdough.toml.example"
VARS = """
day = 2026-01-31
time = 07:32:00.5
local = 2026-01-31T07:32:00
moment = 2026-01-31T07:32:00Z
big = 9223372036854775807
list = [1, "a", { deep = inf }]
"odd key" = "\\u0000"
"""


def test_everything_survives_the_way():
    """All keys, and vars of every type of TOML, dates included."""
    text = EXAMPLE.read_text().replace("[vars]", f"[vars]\n{VARS}")
    config = parse(text, file="f").config
    assert config is not None
    assert unpack(pack(config)) == config
    assert type(unpack(pack(config)).vars["day"]) is type(config.vars["day"])


def test_other_bytes_are_refused():
    """Nonsense is an error, not a configuration."""
    with pytest.raises(msgspec.DecodeError):
        unpack(b"\x90")
