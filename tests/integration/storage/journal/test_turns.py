"""What the end of a turn tells those who wait for its commit."""

from __future__ import annotations

import asyncio
import hashlib

from sourdough.storage.database import Database
from sourdough.storage.meta import ObjectMeta
from sourdough.storage.storage import Storage

from .conftest import FixedClock


def opened(server, engine, label: str) -> tuple[Database, Storage]:
    """Return the database of an object, and its storage, under an engine that several share."""
    database = Database(
        path=server.path(label),
        meta=ObjectMeta(
            storage_name="Counter",
            class_name="Counter",
            id=hashlib.sha256(label.encode()).digest(),
        ),
        engine=engine,
        schedule=asyncio.get_running_loop().call_soon,
        clock=FixedClock(),
        on_broken=server.broken.append,
    )
    server.databases.append(database)
    storage = Storage(database)
    database.mark_constructed()
    return database, storage


async def test_a_turn_that_changed_nothing_waits_for_what_it_leans_on(server):
    """What was heard from another object is not told before that one's commit is durable (S1)."""
    host = server.host()
    engine = host.engine()
    (heard, its), (teller, own) = opened(server, engine, "a"), opened(server, engine, "b")
    for database, storage in ((heard, its), (teller, own)):
        storage.kv.put("value", 1)
        await database.sync()
    its.kv.put("value", 2)
    assert teller.lean_on(heard, heard.flush())
    commits, told = teller.commits, []
    own.kv.put("value", 1)
    assert teller.joins(told.append)
    teller.end_turn()
    assert (teller.commits, told) == (commits, [])
    await heard.sync()
    assert told == [None]


async def test_who_waits_is_told_when_something_else_makes_the_journal_fail(server):
    """A file that cannot be removed ends the host: the commits that wait meanwhile are not durable (S2)."""
    host = server.host()
    database, storage = opened(server, host.engine(), "a")
    storage.kv.put("value", 1)
    told = []
    database.when_durable(database.flush(), told.append)
    error = OSError("the disk is broken")
    host.journal.fail(error)
    await asyncio.sleep(0)
    assert told == [error]
