"""One facet in memory: a container like any other, that lives and ends with its parent's.

    absent -> (its start is asked for its class; its number is looked up) -> starting -> ...

What comes meanwhile waits at its gate, within the bounds of every queue.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from sourdough.objects.container import Container, Phase
from sourdough.objects.context import DurableObjectState
from sourdough.objects.facets.key import facet_key, root_key
from sourdough.objects.refusal import gone_error
from sourdough.observe.breadcrumb import breadcrumb_of
from sourdough.storage.facet_database import FacetDatabase
from sourdough.storage.storage import Storage

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Coroutine

    from sourdough.objects.event import Event
    from sourdough.objects.facets.start import Begun


class FacetContainer(Container):
    """One facet in memory."""

    __slots__ = ("_own_database", "_parent", "_preparing", "name")

    def __init__(self, *, parent: Container, name: str, **parts: Any) -> None:
        """parts: as for any container, but for what a facet has from its parent."""
        database = FacetDatabase(parent.database, self.reset)
        super().__init__(
            key=facet_key(parent.key, name),
            cls=parent.cls,
            database=database,
            state=DurableObjectState(parent.state.id, Storage(database)),
            **parts,
        )
        self.name = name
        self.label = f"{parent.label}/{name}"
        self.breadcrumb = breadcrumb_of(root_key(self.key), self.label)
        self._own_database = database
        self._parent = parent
        self._preparing: asyncio.Task[Begun | BaseException] | None = None
        self.state.attach(self)

    @property
    def depth(self) -> int:
        return self._parent.depth + 1

    @property
    def begun(self) -> bool:
        """Whether an event has entered."""
        return self.phase is not Phase.ABSENT

    def prepare(self, beginning: Coroutine[Any, Any, Begun | BaseException]) -> None:
        """Find out what it is: code of the parent, in the context of whoever calls."""
        self._preparing = self._parent.work.spawn(beginning)

    def rests(self) -> None:
        super().rests()
        self._parent.rests()

    def ended(self, event: Event) -> None:
        super().ended(event)
        self._parent.rests()

    def reset(self, error: BaseException) -> None:
        if self._preparing is not None:
            self._preparing.cancel()
        super().reset(error)

    async def _construct(self, event: Event) -> None:
        assert self._preparing is not None
        try:
            begun = await self._preparing
        except BaseException as error:  # noqa: BLE001 (told to who waits)
            begun = error
        if self.broken:
            return
        if isinstance(begun, BaseException):
            # The parent's failure and not this one's: who waits gets it as it is, and may try again.
            for waiting in self.gate.drain():
                waiting.reply.failed(begun)
            self.reset(gone_error())
            return
        start = begun.start
        self.cls = replace(self.cls, name=start.cls.__name__, type=start.cls)
        if start.id is not None:
            self.state.id = start.id
        self.state.props = start.props
        self._own_database.be(begun.number, self.cls.name, self.state.id.raw)
        await super()._construct(event)

    def _read_name(self) -> None:
        """Its id, and that id's name, are what its start says."""
