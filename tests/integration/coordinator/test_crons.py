"""The coordinator's crons over a real catalogue and a fake clock, and `scheduled` in real hosts."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest

from sourdough.config.model import Config, Triggers
from sourdough.coordinator.catalogue import Catalogue
from sourdough.coordinator.control import Trigger
from sourdough.coordinator.cron_table import CronTable
from sourdough.coordinator.crons import Crons
from sourdough.coordinator.seats import Seats
from sourdough.coordinator.worker import Worker
from sourdough.errors import SourdoughError
from sourdough.testing import FakeClock
from sourdough.wire.messages import RunScheduled, ScheduledEnded
from tests.integration.coordinator.shell import command
from tests.system.client import Client
from tests.system.server import RunningServer, wait_until

if TYPE_CHECKING:
    from sourdough.observe.records import ScheduledRan

HOURLY = "0 * * * *"
NOW = 1_700_000_000.0  # 22:13:20
DUE = 1_700_002_800_000  # 23:00


@dataclass
class Listening:
    """A host's process as the coordinator sees it."""

    heard: list[RunScheduled] = field(default_factory=list)
    pid: int = 1

    def send(self, message) -> None:
        self.heard.append(message)


class World:
    """One seat, its hosts, and crons that look at them."""

    def __init__(self, folder) -> None:
        self.folder = folder
        self.clock = FakeClock(now=NOW)
        self.records: list[ScheduledRan] = []
        self.seats = Seats(1)
        self.hosts: list[Worker] = []
        self.stopping = False
        self.configure(HOURLY)

    def configure(self, *crons, missed="once") -> None:
        config = Config(name="app", main="app.py", triggers=Triggers(crons=crons, missed=missed))
        options = SimpleNamespace(project=SimpleNamespace(config=config))
        self.application = SimpleNamespace(options=options)

    def sit_down(self) -> Listening:
        child, serial = Listening(), len(self.hosts) + 1
        worker = Worker(
            role="host", serial=serial, index=0, generation=1, since=0.0, since_monotonic=0.0,
            child=child,
        )  # fmt: skip
        self.hosts.append(worker)
        [seat] = self.seats.vacant()
        self.seats.confirm(seat.number, self.seats.assign(seat, serial), serial)
        return child

    def crash(self) -> None:
        self.seats.vacate(self.hosts[-1].serial)
        self.crons.changed()

    async def open(self) -> None:
        self.catalogue = await Catalogue.open(self.folder)
        self.crons = Crons(
            supervisor=self, catalogue=self.catalogue, clock=self.clock, record=self.records.append
        )
        await self.recorded("crons", 1)

    async def close(self) -> None:
        await self.crons.close()
        await self.catalogue.close()

    def rows(self, table="cron_runs") -> list:
        with sqlite3.connect(self.folder / "catalogue.sqlite") as database:
            rows = database.execute(f"SELECT * FROM {table}").fetchall()
        database.close()
        return rows

    async def until(self, condition) -> None:
        async with asyncio.timeout(5):
            while not condition():
                await asyncio.sleep(0.002)

    async def recorded(self, table, count) -> None:
        await self.until(lambda: len(self.rows(table)) == count)

    async def pass_time(self, seconds: float) -> None:
        await self.clock.elapse(seconds)

    def end(self, message: RunScheduled, error=None) -> None:
        self.crons.take(ScheduledEnded(number=message.number, ms=3.0, error=error))


@pytest.fixture
async def world(tmp_path):
    made = World(tmp_path)
    made.child = made.sit_down()
    await made.open()
    yield made
    await made.close()


async def test_a_run_is_recorded_before_it_is_sent_and_forgotten_after_it_has_ended(world):
    """At least once: whoever dies in between, the row says that it is to be run."""
    await world.pass_time(2801)
    await world.until(lambda: world.child.heard)
    assert world.rows() == [(HOURLY, DUE)]
    (message,) = world.child.heard
    assert (message.cron, message.due) == (HOURLY, DUE)
    world.end(message)
    await world.recorded("cron_runs", 0)
    (ran,) = world.records
    assert (ran.cron, ran.scheduled, ran.error) == (HOURLY, DUE / 1000, None)


async def test_a_run_whose_host_ended_is_sent_to_the_next(world):
    """With the same time; a late word of the first is no news."""
    await world.pass_time(2801)
    await world.until(lambda: world.child.heard)
    world.crash()
    second = world.sit_down()
    await world.pass_time(2)
    await world.until(lambda: second.heard)
    assert second.heard[0].due == DUE
    world.end(world.child.heard[0])
    assert world.rows() == [(HOURLY, DUE)]
    world.end(second.heard[0], "ValueError: no")
    await world.recorded("cron_runs", 0)
    assert [each.error for each in world.records] == ["ValueError: no"]


async def test_what_had_not_ended_when_the_server_did_is_run_by_the_next(world):
    """And of what was missed meanwhile the latest."""
    await world.pass_time(2801)
    await world.until(lambda: world.child.heard)
    await world.close()
    await world.pass_time(3 * 3600)
    world.child.heard.clear()
    await world.open()
    await world.until(lambda: len(world.child.heard) == 2)
    assert [each.due for each in world.child.heard] == [DUE, DUE + 3 * 3_600_000]


async def test_missed_times_are_skipped_where_that_is_wanted(world):
    """Only the next one runs."""
    world.configure(HOURLY, missed="skip")
    await world.close()
    await world.pass_time(3 * 3600)
    await world.open()
    last_missed = [(HOURLY, DUE + 2 * 3_600_000)]
    await world.until(lambda: world.rows("crons") == last_missed)
    await world.pass_time(2801)
    await world.until(lambda: world.child.heard)
    assert [each.due for each in world.child.heard] == [DUE + 3 * 3_600_000]


async def test_nothing_is_due_before_a_host_serves(world):
    """A server that starts slowly does not use up the time."""
    world.crash()
    await world.pass_time(2801)
    assert world.rows() == []
    child = world.sit_down()
    world.crons.changed()
    await world.until(lambda: child.heard)


async def test_a_run_by_hand_is_answered_with_what_came_of_it(world):
    """It is told the time that was asked for, and leaves no trace in the catalogue."""
    asked = asyncio.ensure_future(world.crons.trigger(Trigger(time=12.5)))
    await world.until(lambda: world.child.heard)
    assert world.child.heard[0].due == 12_500
    world.end(world.child.heard[0], "ValueError: no")
    done = await asked
    assert (done.cron, done.scheduled, done.error) == (HOURLY, 12.5, "ValueError: no")
    assert world.rows() == []


async def test_a_cron_that_is_not_configured_is_not_run_by_hand(world):
    """The error lists those that are."""
    with pytest.raises(SourdoughError, match="no cron of this application") as caught:
        await world.crons.trigger(Trigger(cron="1 1 1 1 1"))
    assert HOURLY in caught.value.hint


async def test_a_cron_is_shown_with_its_next_time(world):
    """And with its last, when that has run."""
    (shown,) = world.crons.statuses()
    assert (shown.next, shown.last, shown.running) == (DUE / 1000, None, 0)


async def test_a_catalogue_without_crons_gets_a_place_for_them(tmp_path):
    """Format 2 had none (invariant S14); its alarms stay."""
    await (await Catalogue.open(tmp_path)).close()
    with sqlite3.connect(tmp_path / "catalogue.sqlite") as old:
        old.execute("INSERT INTO alarms VALUES ('Thing', x'00', 1, NULL)")
        for table in ("crons", "cron_runs"):
            old.execute(f"DROP TABLE {table}")
        old.execute("PRAGMA user_version = 2")
    old.close()
    catalogue = await Catalogue.open(tmp_path)
    assert await CronTable(catalogue).load() == ({}, [])
    assert len(await catalogue.rows("SELECT * FROM alarms")) == 1
    await catalogue.close()


CODE = """\
import json, os
from pathlib import Path

from sourdough import DurableObject, Response, WorkerEntrypoint


class Log(DurableObject):
    async def add(self, entry):
        entries = await self.ctx.storage.get("entries", []) + [entry]
        await self.ctx.storage.put("entries", entries)

    async def fetch(self, request):
        return Response.json(await self.ctx.storage.get("entries", []))


class Default(WorkerEntrypoint):
    async def scheduled(self, controller, env, ctx):
        crash = Path(__file__).with_name("crash")
        if crash.exists():
            crash.unlink()
            os._exit(1)
        if controller.scheduled_time == 0:
            raise ValueError("the beginning of time")
        await env.LOG.get_by_name("a").add([controller.cron, controller.scheduled_time % 300_000])

    async def fetch(self, request):
        return Response("no")
"""
CONFIG = """\
name = "app"
main = "app.py"
hostCount = 1
[[durable_objects.bindings]]
name = "LOG"
class_name = "Log"
module = "app.py"
[[routes]]
pattern = "/log"
binding = "LOG"
id = "a"
[triggers]
crons = ["*/5 * * * *"]
"""


def log_of(server: RunningServer) -> object:
    # A connection of its own: for the server, one that was kept is idle for minutes.
    with Client(server.url) as client:
        return client.get("/log").json()


def test_scheduled_runs_for_real(tmp_path):
    """By time, by hand, and again when its host ends in the middle of it."""
    (tmp_path / "app.py").write_text(CODE)
    (tmp_path / "sourdough.toml").write_text(CONFIG)
    with RunningServer(tmp_path, "serve", ahead=0) as server:
        entry = ["*/5 * * * *", 0]

        def ran(count):
            return wait_until(lambda: log_of(server) == [entry] * count, 15)

        shown = json.loads(command(tmp_path, "status", "--json").stdout)
        assert [each["cron"] for each in shown["crons"]] == ["*/5 * * * *"]
        server.advance(301)
        assert ran(1), server.everything()
        (tmp_path / "crash").touch()
        server.advance(300)
        assert ran(2), server.everything()
        by_hand = command(tmp_path, "trigger", "--time", "2026-01-01T03:00")
        assert (by_hand.returncode, "ran in" in by_hand.stdout) == (0, True), by_hand.stderr
        assert ran(3)
        failed = command(tmp_path, "trigger", "*/5 * * * *", "--time", "1970-01-01")
        assert failed.returncode == 1
        assert "ValueError: the beginning of time" in failed.stdout
