"""Saving a project's files while its server runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def save(project: Path, version: object) -> None:
    """Write the module anew, with another version."""
    file = project / "counters.py"
    lines = file.read_text().splitlines()
    number = next(at for at, line in enumerate(lines) if line.startswith("VERSION = "))
    lines[number] = f"VERSION = {version}"
    file.write_text("\n".join(lines) + "\n")


def edit(file: Path, old: str, new: str) -> None:
    """Replace a text that is there."""
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new))
