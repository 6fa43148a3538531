"""A fault of a configuration before it has a place in a file. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sourdough.config.positions import KeyPath

BLANK = ""
"""Stands in for a text that was refused; nothing is concluded from it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """A fault at a key path."""

    path: KeyPath
    message: str
    hint: str | None = None
    unbound: bool = False
    """Whether only a binding is missing: a program may name its classes later, by using them."""
