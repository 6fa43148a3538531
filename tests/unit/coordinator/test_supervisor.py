"""Starts, crashes, pauses and silence, with children that the test plays."""

from __future__ import annotations

import asyncio
import signal

from sourdough.coordinator import lane as lanes
from sourdough.coordinator import liveness
from sourdough.coordinator.snapshots import host_statuses, standby_status
from sourdough.observe.records import (
    ChildBackingOff,
    GatewayCrashed,
    HostCrashed,
    HostRecovered,
    HostStuck,
)
from sourdough.testing import FakeClock
from sourdough.wire.messages import Assign, Assigned, Heartbeat, HostGone, SyncFailed, Table


async def test_a_start_fills_every_seat_and_tells_everybody(make):
    """Hosts are assigned when they are ready, published when they have confirmed (P2)."""
    server = make(hosts=2)
    server.supervisor.start()
    assert len(server.supervisor.hosts) == 2
    server.ready(server.gateway())
    assert server.table().entries == ()
    one, two = server.supervisor.hosts
    server.ready(one)
    assert one.child.last(Assign).seat == 1
    assert server.table().entries == ()
    server.confirm(one)
    assert [entry.serial for entry in server.table().entries] == [one.serial]
    server.ready(two)
    server.confirm(two)
    assert server.seats.complete
    assert [entry.seat for entry in server.table().entries] == [1, 2]
    assert one.child.last(Table) == server.table()


async def test_a_newcomer_is_told_the_table(make):
    """Whoever becomes ready learns who sits where."""
    server = make(hosts=1, standby=True).start()
    assert server.supervisor.standby().child.last(Table).version <= server.table().version
    assert server.supervisor.standby().child.last(Assign) is None


async def test_a_late_confirmation_changes_nothing(make):
    """A confirmation of another epoch, or of another process, is not believed."""
    server = make(hosts=1)
    server.supervisor.start()
    worker = server.supervisor.hosts[0]
    server.ready(worker)
    server.supervisor.on_message(worker, Assigned(seat=1, epoch=99))
    server.supervisor.on_message(worker, Assigned(seat=7, epoch=1))
    assert not server.seats.complete


async def test_a_crash_vacates_the_seat_and_the_standby_takes_it(make):
    """The seat changes hands at once; a new standby is started behind it (P1, P3)."""
    server = make(hosts=2, standby=True).start()
    standby = server.supervisor.standby()
    victim = server.supervisor.occupant(1)
    version = server.table().version
    server.crash(victim)
    assert server.gateway().child.last(HostGone).serial == victim.serial
    assert [entry.seat for entry in server.table().entries] == [2]
    assert standby.child.last(Assign).seat == 1
    assert len(server.starting()) == 1
    server.confirm(standby)
    assert server.seated()[1] == standby.serial
    assert server.table().version > version + 1
    crashed, recovered = server.of(HostCrashed)[0], server.of(HostRecovered)[0]
    assert (crashed.host, crashed.pid) == (1, victim.pid)
    assert "SIGKILL" in crashed.reason
    assert (recovered.host, recovered.pid) == (1, standby.pid)


async def test_epochs_rise_with_every_occupant(make):
    """No two occupants of any seat have the same epoch."""
    server = make(hosts=1, standby=True).start()
    epochs = []
    for _ in range(4):
        epochs.append(server.table().entries[0].epoch)
        server.clock.advance(60)
        server.crash(server.supervisor.occupant(1))
        server.up()
    assert epochs == sorted(set(epochs))


async def test_a_host_that_crashes_again_and_again_is_started_ever_more_slowly(make):
    """Crash loops are throttled, and people are told (design section 6)."""
    server = make(hosts=1).start()
    pauses = []
    for _ in range(5):
        server.crash(server.supervisor.hosts[0])
        lane = server.supervisor.lane("host", 1)
        if lane.pending is not None:
            assert server.supervisor.hosts == []
            pauses.append(server.of(ChildBackingOff)[-1].seconds)
            server.clock.advance(pauses[-1])
        server.up()
    assert len(pauses) == 4
    assert pauses == sorted(pauses)
    assert pauses[-1] > 4 * pauses[0] * 0.75


async def test_hosts_that_end_before_they_get_a_seat_are_throttled_too(make):
    """What somebody kills while it starts is not started without end."""
    server = make(hosts=2, standby=True)
    server.supervisor.start()
    server.ready(server.gateway())
    for _ in range(12):
        server.clock.advance(0.2)
        for worker in server.starting():
            server.crash(worker)
    assert server.starting() == []
    assert server.supervisor.lane("host", 0).pending is not None
    assert len(server.launcher.workers) < 20  # without a pause it would be 37
    server.clock.advance(server.of(ChildBackingOff)[-1].seconds)
    assert len(server.starting()) == 3


async def test_code_that_ends_every_host_at_import_is_a_load_failure(make):
    """A host that dies without a word, of code that none has loaded yet, cannot start."""
    server = make(hosts=2)
    told = []
    server.supervisor.on_load_failed = lambda _worker, fault: told.append(fault.error)
    server.supervisor.start()
    server.ready(server.gateway())
    server.crash(server.starting()[0], code=3)
    assert told == ["a host ended while it loaded the code: exit code 3"]
    assert server.of(HostCrashed) == []
    server.ready(server.starting()[0])
    server.crash(server.supervisor.hosts[0], code=3)
    assert len(server.of(HostCrashed)) == 1


async def test_a_gateway_that_waits_for_its_restart_keeps_no_host_from_starting(make):
    """Pauses of gateways and of hosts are two things."""
    server = make(hosts=1).start()
    for _ in range(3):
        server.crash(server.gateway())
        if not server.supervisor.gateways:
            break
        server.up()
    assert server.supervisor.lane("gateway", 1).pending is not None
    server.clock.advance(60)
    server.crash(server.supervisor.occupant(1))
    assert len(server.starting()) == 1


async def test_a_crashed_gateway_is_started_again(make):
    """Its number stays the same."""
    server = make(gateways=2).start()
    victim = server.supervisor.gateways[1]
    server.clock.advance(60)
    server.crash(victim)
    assert server.of(GatewayCrashed)[0].gateway == 2
    assert sorted(each.index for each in server.supervisor.gateways) == [1, 2]


async def test_an_end_that_was_asked_for_is_no_crash(make):
    """Nothing is recorded, nothing is blamed."""
    server = make(hosts=1, standby=True).start()
    standby = server.supervisor.standby()
    server.supervisor.ask_to_end(standby)
    server.supervisor.on_exit(standby, 0)
    assert not server.of(HostCrashed)


async def test_one_failed_sync_costs_a_host_two_stop_the_server(make):
    """The disk is given one more chance, by another process (invariant S2)."""
    server = make(hosts=1, standby=True).start()
    fatal = []
    server.supervisor.on_fatal = fatal.append
    server.supervisor.on_message(server.supervisor.occupant(1), SyncFailed(error="EIO"))
    assert fatal == []
    server.clock.advance(61)
    server.supervisor.on_message(server.supervisor.occupant(1), SyncFailed(error="EIO"))
    assert fatal == []
    server.clock.advance(1)
    server.supervisor.on_message(server.supervisor.occupant(1), SyncFailed(error="EIO"))
    assert len(fatal) == 1


async def test_a_full_disk_is_tried_again_and_again(make):
    """There may be room by then: no number of hosts that found none stops the server."""
    server = make(hosts=1, standby=True).start()
    fatal = []
    server.supervisor.on_fatal = fatal.append
    for _ in range(3):
        message = SyncFailed(error="No space left on device", full=True)
        server.supervisor.on_message(server.supervisor.occupant(1), message)
    assert fatal == []


def beat(server, seconds: float, *, answering=()) -> None:
    for _ in range(round(seconds)):
        server.clock.advance(1.0)
        for worker in answering:
            server.supervisor.on_message(worker, Heartbeat(lag=0.0))
        server.liveness.tick(1.0)


async def test_a_silent_host_is_dumped_and_killed(make, monkeypatch):
    """A loop that does not answer for hang_timeout ends; the others live (P6)."""
    monkeypatch.setattr(liveness, "_DUMP_SECONDS", 0.0)
    server = make(hosts=2).start()
    silent, alive = server.supervisor.hosts
    beat(server, 12, answering=[alive, server.gateway()])
    assert silent.child.signals == [signal.SIGUSR1]
    assert alive.child.signals == []
    await asyncio.sleep(0.01)
    assert silent.child.killed
    assert not alive.child.killed
    assert server.of(HostStuck)[0].host == 1


async def test_only_ticks_that_the_coordinator_kept_count(make):
    """After a sleep of the whole machine nobody is late (invariant P6)."""
    server = make(hosts=1).start()
    beat(server, 5)
    for _ in range(30):
        server.clock.advance(3600)
        server.liveness.tick(1.0)
    assert not server.of(HostStuck)
    beat(server, 4)
    assert not server.of(HostStuck)
    beat(server, 6)
    assert server.of(HostStuck)


async def test_a_starting_host_has_its_own_limit(make):
    """Imports may take longer than a turn of the loop."""
    server = make(hosts=1)
    server.supervisor.start()
    worker = server.supervisor.hosts[0]
    beat(server, 15)
    assert worker.child.signals == []
    beat(server, 10)
    assert worker.child.signals == [signal.SIGUSR1]


async def test_nothing_is_started_while_the_server_stops(make):
    """A crash during the drain is told, and not repaired."""
    server = make(hosts=1, standby=True).start()
    server.supervisor.stopping = True
    count = len(server.launcher.workers)
    server.crash(server.supervisor.occupant(1))
    assert len(server.launcher.workers) == count
    assert len(server.of(HostCrashed)) == 1


def test_lanes_remember_no_more_than_the_policy_needs():
    """A host that crashes for ever does not grow a list for ever."""
    lane = lanes.Lane(FakeClock())
    for moment in range(1000):
        lane.started(float(moment))
    assert len(lane.runs) <= lanes._POLICY.memory + 1


async def test_a_healthy_host_that_is_killed_again_and_again_never_waits(make):
    """Somebody kills a host every twelve seconds, twenty times: none of them crashed in a loop."""
    server = make(hosts=1).start()
    for _ in range(20):
        server.clock.advance(12)
        server.crash(server.supervisor.hosts[0])
        assert server.supervisor.lane("host", 1).pending is None
        server.up()
    assert server.of(ChildBackingOff) == []


async def test_with_a_standby_what_waits_is_the_next_standby(make):
    """The host's own place is taken at once, and so it is told and shown."""
    server = make(hosts=1, standby=True).start()
    for _ in range(2):
        server.crash(server.supervisor.occupant(1))
        server.up()
    told = server.of(ChildBackingOff)[-1]
    assert (told.child, told.standby, told.restarts) == ("host 1", True, 2)
    assert host_statuses(server.supervisor, None)[0].state == "serving"
    assert standby_status(server.supervisor).state == "backing off"
    server.clock.advance(told.seconds)
    server.up()
    assert standby_status(server.supervisor).state == "ready"


async def test_a_vacant_seat_whose_host_starts_is_not_backing_off(make):
    """The word is for who waits for the end of a pause."""
    server = make(hosts=1).start()
    server.crash(server.supervisor.hosts[0])
    assert host_statuses(server.supervisor, None)[0].state == "starting"
    server.up()
    server.crash(server.supervisor.hosts[0])
    assert host_statuses(server.supervisor, None)[0].state == "backing off"
