"""An HTTP answer on a terminal, in a pipe and as JSON."""

from __future__ import annotations

import base64
import contextlib
import json
import sys
from typing import TYPE_CHECKING, Any

import typer

from sourdough_cli.views.escape import escape

if TYPE_CHECKING:
    from sourdough.wire.messages import Answered


def answer_json(answer: Answered) -> dict[str, Any]:
    """Return an answer as docs/cli.md describes it."""
    text = _text(answer.body)
    return {
        "status": answer.status,
        "headers": answer.headers,
        "text": text,
        "base64": None if text is not None else base64.b64encode(answer.body).decode(),
        "cut": answer.cut,
    }


def print_answer(answer: Answered) -> None:
    """Print the body, and what stands before it to standard error."""
    typer.echo(f"HTTP {answer.status}", err=True)
    for name, value in answer.headers:
        typer.echo(escape(f"{name}: {value}"), err=True)
    typer.echo("", err=True)
    if sys.stdout.isatty():
        typer.echo(_shown(answer.body))
    else:
        sys.stdout.buffer.write(answer.body)
        sys.stdout.buffer.flush()
    if answer.cut:
        typer.echo(f"Only the first {len(answer.body):,} bytes are shown.", err=True)


def _shown(body: bytes) -> str:
    """Return a body that can do a terminal no harm; JSON over several lines."""
    text = _text(body)
    if text is None:
        return f"{len(body):,} bytes that are no text"
    with contextlib.suppress(ValueError):
        text = json.dumps(json.loads(text), indent=2, ensure_ascii=False)
    return "\n".join(escape(line) for line in text.split("\n"))


def _text(body: bytes) -> str | None:
    try:
        return body.decode()
    except UnicodeDecodeError:
        return None
