"""The index of alarms is never late, whatever crashes and whenever it hears of them (invariant S11)."""

from __future__ import annotations

import hashlib
import random

import pytest

from sourdough.storage.journal.intents_left import forget_intents, left_intents
from sourdough.storage.journal.records import ObjectKey
from tests.integration.storage.journal.conftest import soon

SOON = 1_700_000_100_000
LABELS = ("a", "b", "c")


class Index:
    """The coordinator's index: hears in order, late, and keeps what it heard a while after that."""

    def __init__(self, server) -> None:
        self.server = server
        self.due: dict[bytes, int] = {}
        self.said: list = []

    def of(self, label):
        """Return the index as one object sees it."""
        return OfObject(
            self, ObjectKey("Counter", hashlib.sha256(label.encode()).digest()).packed()
        )

    def hear(self, count: int = 1_000) -> None:
        """Keep what was said first."""
        for packed, due, kept, found in self.said[:count]:
            known = self.due.get(packed)
            if due is None:
                self.due.pop(packed, None)
            elif not found or known is None or due < known:
                self.due[packed] = due
            if kept is not None:
                kept()
        del self.said[:count]


class OfObject:
    """Implements `AlarmIndex`."""

    def __init__(self, index: Index, packed: bytes) -> None:
        self.index, self.packed = index, packed

    def sooner(self, due, name, kept) -> bool:
        intents = self.index.server.current.intents
        number = intents.note(self.packed, due, sync=True)
        self.index.said.append((self.packed, due, lambda: intents.kept(self.packed, number), False))
        return True

    def moved(self, due, name) -> None:
        self.index.said.append((self.packed, due, None, False))


@pytest.fixture
def index(server):
    """An index that the server's objects tell."""
    return Index(server)


def begin(server, index) -> None:
    """Start the server: the index hears what a recovery has found before any host begins."""
    server.start()
    for packed, due in left_intents(server.folder, server.disk):
        index.due[packed] = min(due, index.due.get(packed, due))
    if left_intents(server.folder, server.disk):
        forget_intents(server.folder, server.disk)


def take_over(server, index) -> None:
    """Give the seat to another host, which tells what the last one has noted."""
    adoption = server.host().adoption
    for packed, due in list(adoption.intents.items()):
        kept = lambda packed=packed: adoption.intent_kept(packed)  # noqa: E731
        index.said.append((packed, due, kept, True))


def check(server, index) -> None:
    """No object's alarm is before what the index holds of it, heard or still to be heard."""
    index.hear()
    for label in LABELS:
        told = index.of(label)
        stored = server.object(label, alarms=told)._database.alarm.stored()
        assert stored is None or index.due.get(told.packed, stored + 1) <= stored
    for database in server.databases:
        database.abandon()
    server.databases.clear()


async def test_a_commit_does_not_wait_for_the_index(server, index):
    """An earlier alarm is durable although nobody has heard of it."""
    storage = server.object(alarms=index.of("a"))
    await storage.set_alarm(SOON)
    await storage.sync()
    assert (index.due, len(index.said)) == ({}, 1)
    server.kill()
    index.said.clear()
    begin(server, index)
    assert index.due == {index.of("a").packed: SOON}
    assert server.object()._database.alarm.stored() == SOON


async def test_the_next_owner_tells_and_keeps_the_journal_until_it_is_heard(server, index):
    """The old segments stay while one of their alarms is in nobody's index."""
    server.start()
    storage = server.object(alarms=index.of("a"))
    await storage.set_alarm(SOON)
    await storage.sync()
    server.kill()
    index.said.clear()
    old = server.journal_files()
    take_over(server, index)
    await soon(lambda: not server.current.adoption.waiting)
    assert set(old) < set(server.journal_files())
    index.hear()
    await soon(lambda: server.current.adoption.done)
    assert not set(old) & set(server.journal_files())
    assert index.due == {index.of("a").packed: SOON}


async def test_a_release_leaves_the_journal_to_an_index_that_has_not_heard(server, index):
    """What the index does not hold yet the next owner tells."""
    server.start()
    await server.object(alarms=index.of("a")).set_alarm(SOON)
    await server.release()
    assert server.journal_files()
    index.said.clear()
    take_over(server, index)
    check(server, index)
    assert index.due == {index.of("a").packed: SOON}


@pytest.mark.parametrize("seed", range(12))
async def test_whatever_crashes_the_index_is_not_late(server, index, seed):
    """Alarms set, moved and deleted at random; hosts and whole servers that end at any moment."""
    chance = random.Random(seed)
    begin(server, index)
    for _ in range(12):
        take_over(server, index) if server.current is None else None
        open_ = {label: server.object(label, alarms=index.of(label)) for label in LABELS}
        for _ in range(chance.randrange(1, 12)):
            storage = open_[chance.choice(LABELS)]
            if chance.random() < 0.2:
                await storage.delete_alarm()
            else:
                await storage.set_alarm(SOON + chance.randrange(1_000))
            if chance.random() < 0.1:
                server.disk.dead = True  # what is told from here on nobody hears
                storage._database.end_turn()
                break
            storage._database.end_turn()
            if chance.random() < 0.4:
                await storage.sync()
            index.hear(chance.randrange(3))
        server.kill()
        index.said.clear()  # the coordinator hears nothing of a host that is gone
        if chance.random() < 0.5:
            begin(server, index)
        take_over(server, index)
        check(server, index)
