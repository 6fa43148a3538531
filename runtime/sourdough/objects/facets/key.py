"""What a facet is known by in its host: storage name, names of facets, id of the object. Pure.

    Counter/child/grand%20child<32 bytes>

It has the shape of every key, so that calls, logs and deadlocks know a facet as they know an object.
"""

from __future__ import annotations

from urllib.parse import quote

from sourdough.ids import ID_BYTES


def facet_key(parent: bytes, name: str) -> bytes:
    """Return the key of a facet; `parent`: of what it belongs to."""
    return b"%b/%b%b" % (parent[:-ID_BYTES], quote(name, safe="").encode(), parent[-ID_BYTES:])


def told_id(key: bytes) -> str:
    """Return what errors call an object: its id, and for a facet the names that lead to it."""
    _, slash, names = key[:-ID_BYTES].partition(b"/")
    return key[-ID_BYTES:].hex() + (slash + names).decode("utf-8", "replace")


def root_key(key: bytes) -> bytes:
    """Return the key of the object that a facet is in."""
    return key[:-ID_BYTES].partition(b"/")[0] + key[-ID_BYTES:]
