"""The hibernating WebSockets of one object, counted for `sourdough inspect`.

The JSON form of `SocketsReport` is documented in docs/cli.md and stable.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterable

# An object may have as many tags as sockets times ten; a person reads these.
_MOST_TAGS = 100


class TagReport(msgspec.Struct, frozen=True, kw_only=True):
    """How many sockets have a tag."""

    tag: str
    sockets: int


class SocketsReport(msgspec.Struct, frozen=True, kw_only=True):
    """The sockets that an object has taken with `accept_web_socket`, and their tags."""

    open: int = 0
    tags: tuple[TagReport, ...] = ()


def report_sockets(tags: Iterable[tuple[str, ...]]) -> SocketsReport:
    """Count sockets, given the tags of each; tags in the order of their names."""
    number = 0
    counted: Counter[str] = Counter()
    for each in tags:
        number += 1
        counted.update(each)
    return SocketsReport(
        open=number,
        tags=tuple(
            TagReport(tag=tag, sockets=count) for tag, count in sorted(counted.items())[:_MOST_TAGS]
        ),
    )
