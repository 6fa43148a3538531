"""Storage steps, written as the calls they are: `storage.put("a", 1)`, `storage.sql.exec("...")`.

A step is data, which the project's class `Keeper` runs inside of its object.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

Step = tuple[str, tuple[Any, ...], dict[str, Any]]


class Recorder:
    """Stands for something whose methods become steps."""

    def __init__(self, path: str = "") -> None:
        self._path = path

    def __getattr__(self, name: str) -> Recorder:
        return Recorder(f"{self._path}.{name}" if self._path else name)

    def __call__(self, *arguments: Any, **named: Any) -> Step:
        return self._path, arguments, named


storage = Recorder()
txn = Recorder("txn")

FAIL: Step = ("fail", (), {})
"""Raises out of the transaction it stands in; its result is `ON_PURPOSE`."""


def transaction(*steps: Step) -> Step:
    return "transaction", (steps,), {}


def transaction_sync(*steps: Step) -> Step:
    return "transaction_sync", (steps,), {}


@dataclass(frozen=True, slots=True)
class Raised:
    """A step that raised: the type's name and a part of the message."""

    type: str
    text: str = ""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Raised) and self.type == other.type and self._fits(other)

    def _fits(self, other: Raised) -> bool:
        return self.text in other.text or other.text in self.text

    __hash__ = None  # type: ignore[assignment]


ON_PURPOSE = Raised("RaisedOnPurposeError")


def outcome(result: Any) -> Any:
    """Read a step's result: what was raised becomes Raised, also inside of transactions."""
    if isinstance(result, dict) and result.keys() == {"raised", "text"}:
        return Raised(result["raised"], result["text"])
    return [outcome(each) for each in result] if isinstance(result, list) else result
