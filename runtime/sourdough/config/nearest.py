"""The nearest known name to a mistyped one."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


def nearest(name: str, known: Iterable[str]) -> str | None:
    """Return the known name that was probably meant; upper and lower case count as alike."""
    folded: dict[str, str] = {}
    for each in known:
        folded.setdefault(each.casefold(), each)
    found = difflib.get_close_matches(name.casefold(), folded, n=1)
    return folded[found[0]] if found else None


def suggest(name: str, known: Iterable[str], *, otherwise: str) -> str:
    """Return the hint "did you mean X?", or one that lists what is known after `otherwise`."""
    names = list(dict.fromkeys(known))
    found = nearest(name, names)
    if found is not None:
        return f"did you mean {found}?"
    return f"{otherwise} {', '.join(names)}" if names else f"{otherwise} none"
