"""A gateway's hibernating sockets as messages to a host (invariant W4). No input or output."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sourdough.wire.sockets import Mirror

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from sourdough.wire.sockets import Held, Settings

_PIECE_BYTES = 256 * 1024
# What a socket costs beside its variable parts: numbers and framing.
_FIXED_BYTES = 128
_TAG_BYTES = 8


def mirrors(sockets: Iterable[Held], settings: Iterable[Settings]) -> Iterator[Mirror]:
    """Yield the messages that tell of all; the last one says so."""
    piece: list[Held] = []
    size = 0
    for held in sockets:
        if size >= _PIECE_BYTES:
            yield Mirror(tuple(piece), end=False)
            piece, size = [], 0
        piece.append(held)
        size += _size(held)
    yield from _with_settings(piece, list(settings))


def _with_settings(piece: list[Held], settings: list[Settings]) -> Iterator[Mirror]:
    most = _PIECE_BYTES // (4 * 1024 + _FIXED_BYTES)
    while len(settings) > most:
        yield Mirror((), tuple(settings[:most]), end=False)
        settings = settings[most:]
    yield Mirror(tuple(piece), tuple(settings))


def _size(held: Held) -> int:
    texts = len(held.url) + len(held.protocol) + len(held.extensions) + len(held.name or b"")
    tags = sum(4 * len(tag) + _TAG_BYTES for tag in held.tags)
    doubt = len(held.doubt.data or b"") if held.doubt is not None else 0
    return _FIXED_BYTES + texts + tags + len(held.key) + len(held.attachment or b"") + doubt
