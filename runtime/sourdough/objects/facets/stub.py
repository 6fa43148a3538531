"""What reaches a facet: `FacetStub`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sourdough.objects.calls.stub import Stub
from sourdough.objects.facets.key import facet_key, told_id

if TYPE_CHECKING:
    from collections.abc import Callable

    from sourdough.objects.calls.stub import Caller
    from sourdough.objects.chain import Chain
    from sourdough.objects.event import Event


class FacetStub(Stub):
    """Reaches a facet of the object that has asked for it, and nobody else: it cannot be sent.

    It has neither `id` nor `name` of its own; they are properties of the facet like any other.
    Broken for good when the facet is reset, aborted or deleted: another `ctx.facets.get` works.
    """

    __slots__ = ("_label",)

    def __init__(
        self,
        caller: Caller,
        parent: bytes,
        name: str,
        taker: Callable[[Event, Chain | None], None],
    ) -> None:
        """parent: the key of what it belongs to. taker: is given the events."""
        super().__init__(caller, facet_key(parent, name), None)
        self._order.taker = taker
        self._label = name

    def __repr__(self) -> str:
        return f"<FacetStub {self._label!r}>"

    def _told(self) -> tuple[str, str]:
        return self._label, told_id(self._key)
