"""`sourdough schema`: the JSON schema of the configuration, for editors."""

from __future__ import annotations

import json

import typer


def schema() -> None:
    """Print the JSON schema of sourdough.toml: every key, its type, bounds and default."""
    from sourdough.config.schema import json_schema

    typer.echo(json.dumps(json_schema(), indent=2))
