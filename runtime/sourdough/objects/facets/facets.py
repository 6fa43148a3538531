"""`ctx.facets`: objects inside an object, each with a database of its own (semantics 8.3)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sourdough.objects.facets.clone import clone
from sourdough.objects.facets.family import ABORTED
from sourdough.objects.facets.start import FacetStart
from sourdough.objects.facets.stub import FacetStub

if TYPE_CHECKING:
    from sourdough.objects.facets.family import Family
    from sourdough.objects.facets.start import Start, StartFunction

MAX_NAME = 256
MAX_DEPTH = 4

TOO_LONG = f"Facet name is too long (max {MAX_NAME} characters)."
TOO_DEEP = (
    f"Facet nesting depth limit exceeded. Facets can be nested up to {MAX_DEPTH} levels, with the"
    " object that they are in."
)


class Facets:
    """The facets of an object: its own, by name.

    They run where it runs, and end with it. All of them, with what they store, are part of it:
    whoever deletes the object deletes them.
    """

    __slots__ = ("_family",)

    def __init__(self, family: Family) -> None:
        self._family = family

    def get(self, name: str, start: Start | StartFunction) -> FacetStub:
        """Return a stub for a facet; nothing is started before its first call.

        start: its class, a FacetStart, or a function, async or not, that returns either and is
        called only where the facet is not running. What that raises is raised by the calls that
        wait for it. Raises ValueError for a name of more than 256 characters, TypeError for what is
        no name or no start, RuntimeError where facets would be nested more than 4 levels deep, the
        object included.
        """
        _check(name)
        if not callable(start) and not isinstance(start, FacetStart):
            raise TypeError(
                "a facet is started with its class, a FacetStart, or a function that returns"
                f" either, not {type(start).__name__}"
            )
        family = self._family
        if family.container.depth >= MAX_DEPTH:
            raise RuntimeError(TOO_DEEP)
        caller = family.nursery.caller
        if caller is None:
            raise RuntimeError("facets need a host that they are called through")
        return FacetStub(
            caller,
            family.container.key,
            name,
            lambda event, chain: family.take(name, start, event, chain),
        )

    def abort(self, name: str, reason: str | None = None) -> None:
        """Reset a facet as `ctx.abort` resets an object: what is not committed is lost, its callers
        get `reason`, its stubs are broken. Its storage stays. Nothing happens where it is not running.
        """
        _check(name)
        self._family.abort(name, reason or ABORTED)

    def delete(self, name: str) -> None:
        """Reset a facet, and remove its storage with that of the facets below it.

        It joins the turn's transaction: after a crash all of it is there, or nothing.
        """
        _check(name)
        self._family.delete(name)

    async def clone(self, source: str, target: str) -> None:
        """Put a copy of a facet, with those below it, in the place of another, which is deleted.

        The source goes on. Up to 64 MiB. Raises StorageError above that, and in a transaction.
        """
        _check(source)
        _check(target)
        if source != target:
            await clone(self._family, source, target)

    def __repr__(self) -> str:
        return f"<Facets of {self._family.container.label}>"


def _check(name: Any) -> None:
    if not isinstance(name, str):
        raise TypeError(f"a facet's name is a str, not {type(name).__name__}")
    if len(name) > MAX_NAME:
        raise ValueError(TOO_LONG)
    name.encode()  # raises ValueError for what no database can keep
