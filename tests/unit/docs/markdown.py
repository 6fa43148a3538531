"""Reading the tables of our own documents."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[3]


def table(document: Path, *header: str) -> list[tuple[str, ...]]:
    """Return the rows of the one table of a document that has this header."""
    lines = document.read_text(encoding="utf-8").splitlines()
    at = lines.index(f"| {' | '.join(header)} |")
    rows = []
    for line in lines[at + 2 :]:
        if not line.startswith("|"):
            break
        cells = re.split(r"(?<!\\)\|", line)[1:-1]
        rows.append(tuple(cell.strip().replace("\\|", "|") for cell in cells))
    return rows


def written(rows: list[tuple[str, ...]]) -> str:
    """Return rows as they stand in a document, for the message of a failed comparison."""
    escaped = ([cell.replace("|", "\\|") for cell in row] for row in rows)
    return "".join(f"| {' | '.join(row)} |\n" for row in escaped)
