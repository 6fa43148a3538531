"""`sourdough schema` prints the JSON schema."""

from __future__ import annotations

import json

from sourdough.config.schema import json_schema
from sourdough_cli.commands.schema import schema


def test_it_prints_the_schema(capsys):
    """stdout is the schema and nothing else, so it can be redirected to a file."""
    schema()
    assert json.loads(capsys.readouterr().out) == json_schema()
