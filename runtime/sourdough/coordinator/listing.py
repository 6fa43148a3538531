"""A page of known objects: what `sourdough ls` shows, from the catalogue or from the disk.

The JSON form of `Listing` is documented in docs/cli.md and stable.
"""

from __future__ import annotations

import re

import msgspec

from sourdough.coordinator.objectkey import ObjectKey
from sourdough.errors import SourdoughError

_CURSOR = re.compile(r"([^/]+)/([0-9a-f]{64})")


class ListedObject(msgspec.Struct, frozen=True, kw_only=True):
    """One line of a listing."""

    binding: str | None
    """None for a namespace that the configuration no longer binds."""
    class_name: str
    storage_name: str
    id: str
    """64 hex digits."""
    name: str | None = None
    created: float | None = None
    """Unix seconds of the first write, where known."""

    @property
    def key(self) -> ObjectKey:
        return ObjectKey(self.storage_name, self.id)


class Listing(msgspec.Struct, frozen=True, kw_only=True):
    """One page, in order of (storage name, id)."""

    objects: tuple[ListedObject, ...]
    next: str | None
    """What `--after` takes to go on; None at the end."""
    total: int
    """Objects of the namespace, or of all."""


class CursorError(SourdoughError):
    """What stands behind `--after` is not the end of a page."""

    exit_code = 2


def page_of(objects: list[ListedObject], *, limit: int, total: int) -> Listing:
    """Return a page of at most `limit` objects, given one more where there are more."""
    shown = tuple(objects[:limit])
    more = len(objects) > limit and bool(shown)
    return Listing(objects=shown, next=cursor(shown[-1].key) if more else None, total=total)


def cursor(key: ObjectKey) -> str:
    """Return the text that stands for a place in a listing."""
    return f"{key.storage_name}/{key.id}"


def parse_cursor(text: str | None) -> ObjectKey | None:
    """Read what `cursor` wrote; None is the beginning. Raises CursorError for anything else."""
    if text is None:
        return None
    found = _CURSOR.fullmatch(text)
    if found is None:
        raise CursorError(
            "--after takes the end of the page before, and nothing else.",
            hint="It is printed below a page, and is `next` in the JSON form.",
        )
    return ObjectKey(found[1], found[2])
