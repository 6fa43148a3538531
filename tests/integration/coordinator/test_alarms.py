"""The coordinator's alarms over a real catalogue, with hosts that only listen."""

from __future__ import annotations

import asyncio
import sqlite3
from dataclasses import dataclass, field

import pytest

from sourdough.coordinator.alarm_book import BEGINNING, Due
from sourdough.coordinator.alarm_index import AlarmIndex, Change
from sourdough.coordinator.alarms import AHEAD_MS, Alarms
from sourdough.coordinator.catalogue import Catalogue, KnownObject
from sourdough.coordinator.seats import Seats
from sourdough.coordinator.worker import Worker
from sourdough.testing import FakeClock
from sourdough.wire.messages import AlarmEnded, AlarmOutcome, AlarmSet, AlarmsKept, RunAlarm

NOW = 1_700_000_000_000
RAW = bytes(32)


@dataclass
class Listening:
    """A host's process as the coordinator sees it: it hears messages."""

    heard: list = field(default_factory=list)
    pid: int = 1
    news: asyncio.Event = field(default_factory=asyncio.Event)

    def send(self, message) -> None:
        self.heard.append(message)
        self.news.set()

    async def until(self, kind, count=1) -> list:
        """Return the messages of a kind as soon as there are enough."""
        async with asyncio.timeout(5):
            while len(found := [each for each in self.heard if isinstance(each, kind)]) < count:
                self.news.clear()
                await self.news.wait()
        return found


class Fleet:
    """One seat and its hosts, as `Alarms` looks at them."""

    def __init__(self) -> None:
        self.seats = Seats(1)
        self.hosts: list[Worker] = []
        self.stopping = False

    def sit_down(self) -> tuple[Worker, Listening]:
        """Give the vacant seat to a new host."""
        serial = len(self.hosts) + 1
        child = Listening()
        worker = Worker(
            role="host", serial=serial, index=0, generation=1, since=0.0, since_monotonic=0.0,
            child=child,
        )  # fmt: skip
        self.hosts.append(worker)
        [seat] = self.seats.vacant()
        self.seats.confirm(seat.number, self.seats.assign(seat, serial), serial)
        return worker, child


class World:
    def __init__(self, folder) -> None:
        self.folder = folder
        self.clock = FakeClock()
        self.fleet = Fleet()

    async def open(self) -> Alarms:
        self.catalogue = await Catalogue.open(self.folder)
        self.alarms = Alarms(
            supervisor=self.fleet, catalogue=self.catalogue, clock=self.clock, chance=lambda: 0.0
        )
        return self.alarms

    async def close(self) -> None:
        await self.alarms.close()
        await self.catalogue.close()

    def rows(self) -> list:
        with sqlite3.connect(self.folder / "catalogue.sqlite") as database:
            rows = database.execute("SELECT storage, id, due, name FROM alarms").fetchall()
        database.close()
        return rows

    def pass_time(self, seconds: float) -> None:
        self.clock.advance(seconds)
        self.alarms.step()


@pytest.fixture
async def world(tmp_path):
    made = World(tmp_path)
    await made.open()
    yield made
    await made.close()


def set_to(due, *, number=0, name=None, raw=RAW) -> AlarmSet:
    return AlarmSet(storage="Thing", id=raw, name=name, due=due, number=number)


def ended(due, outcome=AlarmOutcome.DONE) -> AlarmEnded:
    return AlarmEnded(storage="Thing", id=RAW, due=due, outcome=outcome)


async def test_a_host_hears_of_its_alarm_when_it_is_on_the_disk(world):
    """The commit may go on from then on (invariant S11)."""
    worker, child = world.fleet.sit_down()
    world.alarms.take(worker, set_to(NOW + 500, number=7, name="anna"))
    assert await child.until(AlarmsKept) == [AlarmsKept(numbers=(7,))]
    assert world.rows() == [("Thing", RAW, NOW + 500, "anna")]


async def test_a_due_alarm_is_sent_to_the_owner_until_a_run_was_good(world):
    """With the name, the time and the number of retries (semantics 6.5, 6.7, 6.17)."""
    worker, child = world.fleet.sit_down()
    world.alarms.take(worker, set_to(NOW + 500, name="anna"))
    world.alarms.step()
    assert child.heard == []
    world.pass_time(0.5)
    [first] = await child.until(RunAlarm)
    assert first == RunAlarm(storage="Thing", id=RAW, name="anna", due=NOW + 500)
    world.alarms.take(worker, ended(NOW + 500, AlarmOutcome.FAILED))
    world.pass_time(1.9)
    assert len(child.heard) == 1
    world.pass_time(0.1)
    assert (await child.until(RunAlarm, 2))[1].retries == 1
    world.alarms.take(worker, set_to(None))
    world.alarms.take(worker, ended(NOW + 500))
    world.pass_time(10_000)
    assert len(child.heard) == 2


async def test_alarms_survive_a_restart(world):
    """What was due meanwhile starts at once, retries begin anew (semantics 6.17)."""
    worker, child = world.fleet.sit_down()
    world.alarms.take(worker, set_to(NOW + 1000, number=1, name="anna"))
    await child.until(AlarmsKept)
    await world.close()
    world.clock.advance(3600)
    await world.open()
    assert [each.name for each in await child.until(RunAlarm)] == ["anna"]


async def test_a_removed_alarm_does_not_come_back_with_a_restart(world):
    """A good run is forgotten on the disk too (semantics 6.6)."""
    worker, child = world.fleet.sit_down()
    world.alarms.take(worker, set_to(NOW + 1000, number=1))
    await child.until(AlarmsKept)
    world.alarms.take(worker, set_to(None))
    await world.close()
    assert world.rows() == []
    await world.open()


async def test_far_alarms_are_read_when_their_time_comes_near(world):
    """Only the next minutes are in memory."""
    worker, child = world.fleet.sit_down()
    far = NOW + 10 * AHEAD_MS
    world.alarms.take(worker, set_to(far, number=1))
    await child.until(AlarmsKept)
    assert len(world.alarms._book) == 0
    world.pass_time(10 * AHEAD_MS / 1000)
    [run] = await child.until(RunAlarm)
    assert run.due == far


async def test_a_new_occupant_of_the_seat_gets_the_alarm_after_the_old_is_gone(world):
    """Never two at a time (invariant P2); a killed host is a failure that does not count."""
    worker, child = world.fleet.sit_down()
    world.alarms.take(worker, set_to(NOW))
    await child.until(RunAlarm)
    world.fleet.seats.vacate(worker.serial)
    _, next_child = world.fleet.sit_down()
    world.alarms.changed()
    world.pass_time(1.9)
    assert next_child.heard == []
    world.pass_time(0.1)
    [run] = await next_child.until(RunAlarm)
    assert run.retries == 0


async def test_without_a_taken_seat_nothing_is_sent(world):
    """A host that gives up its seat gets no more alarms; its successor does."""
    worker, child = world.fleet.sit_down()
    world.fleet.seats.release({worker.serial})
    world.alarms.take(worker, set_to(NOW))
    world.alarms.step()
    world.fleet.seats.vacate(worker.serial)
    world.alarms.changed()
    _, next_child = world.fleet.sit_down()
    world.alarms.changed()
    await next_child.until(RunAlarm)
    assert child.heard == []


async def test_a_server_that_stops_starts_no_alarms(world):
    """They are overdue at the next start."""
    worker, child = world.fleet.sit_down()
    world.fleet.stopping = True
    world.alarms.take(worker, set_to(NOW))
    world.alarms.step()
    assert child.heard == []


async def test_a_deleted_object_is_forgotten(world):
    """`rm` takes the alarm along, in memory and on the disk."""
    worker, child = world.fleet.sit_down()
    world.alarms.take(worker, set_to(NOW + 1000, number=1))
    await child.until(AlarmsKept)
    world.alarms.forget(("Thing", RAW))
    world.pass_time(2)
    await world.close()
    assert [each for each in child.heard if isinstance(each, RunAlarm)] == []
    assert world.rows() == []
    await world.open()


async def test_the_catalogue_forgets_the_alarm_with_its_object(world):
    """Also where no server runs (`sourdough rm` offline)."""
    known = KnownObject(storage_name="Thing", id=RAW.hex())
    await AlarmIndex(world.catalogue).write(
        [Change(key=("Thing", RAW), alarm=Due(key=("Thing", RAW), due=NOW + 9))]
    )
    await world.catalogue.add([known])
    await world.catalogue.remove([known.key])
    assert world.rows() == []


async def test_the_index_keeps_names_and_what_is_sooner(world):
    """A nameless change erases no name; what a file said counts if it is sooner (1.13)."""
    index, key = AlarmIndex(world.catalogue), ("Thing", RAW)
    await index.write(
        [
            Change(key=key, alarm=Due(key=key, due=50, name="anna")),
            Change(key=key, alarm=Due(key=key, due=60)),
            Change(key=key, alarm=Due(key=key, due=70), found=True),
        ]
    )
    page = await index.page(BEGINNING, 100, 10)
    assert page.alarms == (Due(key=key, due=60, name="anna"),)
    assert page.end[0] == 101


async def test_the_index_is_read_page_by_page(world):
    """In the order of due times, nothing twice, nothing left out, also among equals."""
    index = AlarmIndex(world.catalogue)
    keys = [("Thing", number.to_bytes(32, "big")) for number in range(25)]
    await index.write([Change(key=key, alarm=Due(key=key, due=key[1][-1] // 10)) for key in keys])
    found, position = [], BEGINNING
    while len(page := (await index.page(position, 100, 4)).alarms) == 4:
        found += page
        position = (page[-1].due, *page[-1].key)
    assert [each.key for each in (*found, *page)] == keys


async def test_a_catalogue_without_alarms_gets_a_place_for_them(tmp_path):
    """Format 1 had none (invariant S14)."""
    await (await Catalogue.open(tmp_path)).close()
    with sqlite3.connect(tmp_path / "catalogue.sqlite") as old:
        for table in ("alarms", "crons", "cron_runs"):
            old.execute(f"DROP TABLE {table}")
        old.execute("PRAGMA user_version = 1")
    old.close()
    catalogue = await Catalogue.open(tmp_path)
    assert (await AlarmIndex(catalogue).page(BEGINNING, 100, 10)).alarms == ()
    await catalogue.close()


@pytest.fixture
async def broken(world, monkeypatch):
    """A catalogue that cannot be written until the test repairs it."""
    write = AlarmIndex.write
    failing = asyncio.Event()

    async def fails(index, changes):
        failing.set()
        raise OSError("disk I/O error")

    monkeypatch.setattr(AlarmIndex, "write", fails)

    def repair() -> None:
        monkeypatch.setattr(AlarmIndex, "write", write)
        world.clock.advance(1)

    return failing, repair


async def test_what_waits_for_a_broken_index_is_one_for_each_object(world, broken):
    """Set a thousand times, it is written once; the host hears of the last."""
    failing, repair = broken
    worker, child = world.fleet.sit_down()
    for number in range(1, 1001):
        world.alarms.take(worker, set_to(NOW + 10_000 - number, number=number, name="anna"))
        if number == 500:
            await failing.wait()
            await asyncio.sleep(0)
    assert (len(world.alarms._changes), len(world.alarms._waiting)) == (1, 1)
    repair()
    assert await child.until(AlarmsKept) == [AlarmsKept(numbers=(1000,))]
    assert world.rows() == [("Thing", RAW, NOW + 9_000, "anna")]


async def test_what_the_index_can_do_without_is_dropped_beyond_a_bound(world, broken, monkeypatch):
    """A later time, or none: the index is early then. An earlier one is never dropped (S11)."""
    failing, repair = broken
    monkeypatch.setattr("sourdough.coordinator.alarms.MAX_CHANGES", 3)
    worker, child = world.fleet.sit_down()
    raws = [bytes([number]) * 32 for number in range(6)]
    for raw in raws[:5]:
        world.alarms.take(worker, set_to(None, raw=raw))
    world.alarms.take(worker, set_to(NOW + 9_000, number=1, raw=raws[5]))
    await failing.wait()
    assert set(world.alarms._changes) == {("Thing", raw) for raw in (*raws[:3], raws[5])}
    repair()
    await child.until(AlarmsKept)
    assert world.rows() == [("Thing", raws[5], NOW + 9_000, None)]
