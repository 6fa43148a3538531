"""`ctx.facets.clone`: all of one facet, and of those below it, in another's place.

    number without a name --commit--> files --durable--> the name goes to the number --commit-->

Whatever a crash interrupts, the name stands for the old facet as a whole or for the copy as a whole;
files of a number without a name are removed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sourdough.errors import StorageError
from sourdough.storage.facet_copy import LARGEST, Copied, copied, write_copies
from sourdough.storage.facet_database import FacetDatabase
from sourdough.storage.facet_index import FacetIndex

if TYPE_CHECKING:
    from sourdough.objects.container import Container
    from sourdough.objects.facets.family import Family
    from sourdough.storage.database import Database

IN_TRANSACTION = "A facet cannot be cloned within a transaction."


async def clone(family: Family, source: str, target: str) -> None:
    """Put a copy of `source` in the place of `target`. Raises StorageError."""
    database = family.container.database
    await family.container.sections.admitted()
    if database.depth:
        raise StorageError(IN_TRANSACTION)
    copies = await _copies_of(family, source)
    if not copies:
        family.delete(target)
        return
    number = family.index.enter(None)
    family.making.add(number)
    try:
        copy = family.database(number)
        copy.clear()
        await family.index.settle()
        await write_copies(database, copy.path, copies)
        await family.container.sections.admitted()
        if database.depth:
            raise StorageError(IN_TRANSACTION)
        family.index.give(target, number)
        family.stop(target)
    finally:
        family.making.discard(number)
        if not family.container.broken:
            family.remove_deleted()


async def _copies_of(family: Family, source: str) -> list[Copied]:
    """Return all databases of a facet, as of one moment at which no transaction of it is open."""
    running = family.running.get(source)
    while running is not None and (held := _held(running)) is not None:
        await held.sections.admitted()
        running = family.running.get(source)
    number = family.index.number(source)
    copies: list[Copied] = []
    if number is not None:
        _copy(family.container.database, number, running, "", copies)
    return copies


def _held(container: Container) -> Container | None:
    """Return one that has a section open, of a facet and those below it."""
    if container.database.hold is not None:
        return container
    below = container.running_facets.values()
    return next(filter(None, map(_held, below)), None)


def _copy(
    parent: Database, number: int, running: Container | None, place: str, copies: list[Copied]
) -> None:
    if running is not None and running.database.path != parent.path:
        _copy_open(running.database, running, place, copies)
        return
    database = FacetDatabase(parent, lambda _: None)
    database.be(number, parent.meta.class_name, parent.meta.id)
    try:
        _copy_open(database, None, place, copies)
    finally:
        database.abandon()


def _copy_open(
    database: Database, running: Container | None, place: str, copies: list[Copied]
) -> None:
    copy = copied(database, place, LARGEST - sum(len(each.image) for each in copies))
    if copy is None:
        return
    copies.append(copy)
    below = {} if running is None else running.running_facets
    for name, number in FacetIndex(database).names().items():
        _copy(database, number, below.get(name), f"{place}.{number}", copies)
