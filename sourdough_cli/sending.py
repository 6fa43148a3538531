"""What `sourdough fetch` sends: headers and a body, as they are written on a command line."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from sourdough.errors import SourdoughError
from sourdough.http import Headers
from sourdough_cli.words import WordsError

if TYPE_CHECKING:
    from collections.abc import Iterable


def read_headers(lines: Iterable[str]) -> tuple[tuple[str, str], ...]:
    """Return headers from "Name: value". Raises WordsError for anything else."""
    headers = Headers()
    for line in lines:
        name, colon, value = line.partition(":")
        if not colon:
            raise WordsError(f'A header is written "Name: value", not "{line}".')
        try:
            headers.append(name.strip(), value.strip())
        except ValueError as error:
            raise WordsError(f"This header cannot be sent: {error}.") from None
    return tuple(headers.items())


def read_data(data: str | None) -> bytes:
    """Return a body: the text itself, or what @FILE or @- leads to. Raises SourdoughError."""
    if data is None:
        return b""
    if not data.startswith("@"):
        return data.encode("utf-8", "surrogateescape")
    if data == "@-":
        return sys.stdin.buffer.read()
    try:
        return Path(data[1:]).read_bytes()
    except OSError as error:
        raise SourdoughError(f"{data[1:]} cannot be read: {error.strerror}.") from None
