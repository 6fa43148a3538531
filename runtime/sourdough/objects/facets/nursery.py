"""All facets that live in a host: made here, counted here; they belong to their objects."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Iterator

    from sourdough.objects.calls.stub import Caller
    from sourdough.objects.container import Container
    from sourdough.objects.facets.container import FacetContainer


class Build(Protocol):
    """Makes a container with what all of a host have in common."""

    def __call__(
        self,
        *,
        parent: Container,
        name: str,
        on_ended: Callable[[Container, BaseException | None], None],
        nursery: Nursery,
    ) -> FacetContainer:
        """Return one whose start is not known yet."""
        ...


class Nursery:
    """One per host."""

    def __init__(
        self,
        *,
        caller: Caller | None,
        build: Build,
        make_room: Callable[[], asyncio.Future[None] | None],
        room_made: Callable[[], None],
    ) -> None:
        """caller: of the stubs; None where nothing can be called.

        make_room: returns what has to be waited for until one more may live, or raises.
        """
        self.caller = caller
        self._build = build
        self._make_room = make_room
        self._room_made = room_made
        self._live: dict[FacetContainer, None] = {}

    def __len__(self) -> int:
        return len(self._live)

    def __iter__(self) -> Iterator[FacetContainer]:
        return iter(self._live)

    def make(
        self,
        parent: Container,
        name: str,
        on_ended: Callable[[Container, BaseException | None], None],
    ) -> FacetContainer:
        """Make a facet. Raises DurableObjectError where there is no room."""
        room = self._make_room()
        container = self._build(parent=parent, name=name, on_ended=on_ended, nursery=self)
        container.waits_for = room
        self._live[container] = None
        return container

    def forget(self, container: FacetContainer) -> None:
        """A facet has ended; more than once is fine."""
        if container in self._live:
            del self._live[container]
            self._room_made()
