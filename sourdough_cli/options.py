"""The options that several commands share, declared once."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

ConfigOption = Annotated[
    Path | None,
    typer.Option("--config", "-c", help="The configuration; ./sourdough.toml without it."),
]
StorageOption = Annotated[
    Path | None,
    typer.Option("--storage", help="The storage folder, instead of the configuration's."),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]
TimeoutOption = Annotated[
    float, typer.Option("--timeout", min=0.001, max=3600, help="Seconds that the object gets.")
]
