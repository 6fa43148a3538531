"""What a facet is when it is started: `FacetStart`."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from sourdough.ids import ObjectId
from sourdough.objects.durable_object import DurableObject
from sourdough.values import decode, encode


@dataclass(frozen=True, slots=True)
class FacetStart:
    """The class of a facet, the id that it goes by, and what it is given.

    cls: any subclass of DurableObject; it needs no binding. id: `ctx.id` of the facet; None for that
    of the object it belongs to. props: plain data, of which the facet has a copy as `ctx.props`.
    """

    cls: type[DurableObject[Any]]
    id: ObjectId | None = None
    props: Any = None


Start = FacetStart | type[DurableObject[Any]]
"""What says how to start a facet: no more than its class, or all of it."""

StartFunction = Callable[[], Start | Awaitable[Start]]
"""Returns it, or awaits it; called only where the facet is not running."""


@dataclass(frozen=True, slots=True)
class Begun:
    """What is known of a facet when it may be constructed: its start, and the number of its file."""

    start: FacetStart
    number: int


def settled(start: Any) -> FacetStart:
    """Return what was said, with a copy of the props. Raises TypeError for anything else."""
    if isinstance(start, type):
        start = FacetStart(start)
    if not isinstance(start, FacetStart):
        raise TypeError(f"a facet is started with its class or a FacetStart, not {start!r}")
    if not isinstance(start.cls, type) or not issubclass(start.cls, DurableObject):
        raise TypeError(f"the class of a facet is a subclass of DurableObject, not {start.cls!r}")
    if not isinstance(start.id, ObjectId | None):
        raise TypeError(f"the id of a facet is an ObjectId, not {type(start.id).__name__}")
    return FacetStart(start.cls, start.id, decode(encode(start.props)))
