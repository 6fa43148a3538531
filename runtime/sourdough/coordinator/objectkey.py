"""The key under which an object is known: where it is kept, and its id."""

from __future__ import annotations

import msgspec


class ObjectKey(msgspec.Struct, frozen=True, order=True):
    """Where an object is kept; listings are in this order."""

    storage_name: str
    id: str
    """64 hex digits, lower case."""
