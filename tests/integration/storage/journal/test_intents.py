"""The index of alarms is never late, whatever crashes and whenever it hears of them (invariant S11)."""

from __future__ import annotations

import hashlib
import random

import pytest

from sourdough.storage.journal.intents_left import forget_intents, left_intents
from sourdough.storage.journal.records import ObjectKey, RecordType
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


async def test_an_index_that_is_silent_pins_no_segment(server, index):
    """What it has not heard of is noted anew where the journal is; nothing of it is lost."""
    server.start()
    host = server.host(segment_bytes=64 * 1024)
    storage = server.object(alarms=index.of("a"))
    await storage.set_alarm(SOON)
    await storage.sync()
    writer = server.object("b")
    for number in range(400):
        await writer.put("n", number.to_bytes(1000, "little"))
        await writer.sync()
    await soon(lambda: host.journal.segments.oldest > 3)
    server.kill()
    index.said.clear()
    begin(server, index)
    assert index.due == {index.of("a").packed: SOON}


async def test_of_one_object_one_intent_is_kept(server, index):
    """However often it is set anew: the index hears of the newest, and needs no other."""
    storage = server.object(alarms=index.of("a"))
    for sooner in range(50):
        await storage.set_alarm(SOON + 100 - sooner)
        await storage.sync()
    intents = server.current.intents
    assert len(intents._noted) == 1
    index.hear()
    assert (len(intents._noted), intents.oldest_use()) == (0, None)


async def test_what_the_index_holds_is_not_told_again(server, index):
    """An intent says up to where the index had heard: older ones wake nobody after a crash."""
    for label in LABELS:
        storage = server.object(label, alarms=index.of(label))
        await storage.set_alarm(SOON)
        await storage.sync()
        index.hear()
    server.kill()
    server.start()
    left = dict(left_intents(server.folder, server.disk))
    assert left == {index.of(LABELS[-1]).packed: SOON}


async def test_an_intent_that_cannot_be_read_refuses_no_object(server, index):
    """Its database knows the alarm: the object is woken and decides; the segment is named."""
    storage = server.object(alarms=index.of("a"))
    await storage.put("n", 1)
    await storage.sync()
    await storage.set_alarm(SOON)
    await storage.sync()
    await storage.put("n", 2)  # its record says that the intent was on the medium
    await storage.sync()
    server.kill()
    [segment] = (server.folder / "journal.d").glob("*-1.segment")
    data = bytearray(segment.read_bytes())
    data[data.index(SOON.to_bytes(8, "little"))] ^= 1
    segment.write_bytes(data)
    damaged = server.start().damaged
    assert list(damaged) == [str(segment)], damaged
    assert left_intents(server.folder, server.disk) == [(index.of("a").packed, 0)]
    storage = server.object()
    assert (await storage.get("n"), await storage.get_alarm()) == (2, SOON)


async def test_a_mark_that_cannot_be_read_refuses_no_object(server):
    """What it covers is in its header too."""
    storage = server.object()
    await storage.put("n", 1)
    await storage.sync()
    server.current.marker.begin(2)
    await soon(lambda: not server.current.marker._busy)
    await storage.put("n", 2)
    await storage.sync()
    server.kill()
    [segment] = (server.folder / "journal.d").glob("*-1.segment")
    data = bytearray(segment.read_bytes())
    at = -1
    while (at := data.index(b"SDJR", at + 1)) and data[at + 5] != RecordType.MARK:
        pass
    payload = at - 8 + 112 + len("Counter")
    data[payload + 7] ^= 0x7F
    segment.write_bytes(data)
    assert list(server.start().damaged) == [str(segment)]
    assert await server.object().get("n") == 2
