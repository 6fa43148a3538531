"""Who is blamed for the end of a host, and who learns of it when."""

from __future__ import annotations

import signal

import pytest

from sourdough.coordinator.quarantine import Quarantines
from sourdough.observe.breadcrumb import Crumb
from sourdough.observe.records import ObjectQuarantined, QuarantineLifted
from sourdough.wire.messages import Assign, Quarantine, SyncFailed

CRUMB = Crumb(label="Room:bad", storage_name="Room", id=bytes(32))


@pytest.fixture
async def world(make):
    """A server with quarantines, before its first crash."""
    server = make(hosts=1)
    server.quarantines = Quarantines(
        supervisor=server.supervisor, clock=server.clock, record=server.records.append
    )
    server.supervisor.on_ready = server.quarantines.greet
    return server.start()


def crash(server, code=7, crumb=CRUMB, times=3):
    """Let hosts end with an object, each after the other."""
    for _ in range(times):
        (worker,) = [each for each in server.supervisor.hosts if each.child is not None]
        server.quarantines.host_ended(worker, code, crumb)


async def test_hosts_are_told_before_they_get_a_seat(world):
    """No event slips in between."""
    crash(world)
    (old,) = world.supervisor.hosts
    assert old.child.last(Quarantine).objects[0].id == CRUMB.id
    world.crash(old)
    world.up()
    (new,) = world.supervisor.hosts
    kinds = [type(message) for message in new.child.told]
    assert kinds.index(Quarantine) < kinds.index(Assign)
    assert [each.object for each in world.quarantines.statuses()] == ["Room:bad"]
    assert world.of(ObjectQuarantined)[0].seconds == 60


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
async def test_a_host_that_somebody_ended_blames_nobody(world, number):
    """A busy neighbour would be taken for the culprit of every kill."""
    crash(world, code=-number)
    assert world.quarantines.statuses() == ()


@pytest.mark.parametrize("number", [signal.SIGSEGV, signal.SIGABRT, signal.SIGBUS])
async def test_a_crash_in_c_code_is_blamed(world, number):
    """It is the object's own."""
    crash(world, code=-number)
    assert len(world.quarantines.statuses()) == 1


async def test_a_host_that_hung_is_blamed_though_we_killed_it(world):
    """The loop stood still in the object's code."""
    (worker,) = world.supervisor.hosts
    worker.hung = True
    crash(world, code=-signal.SIGKILL)
    assert world.of(ObjectQuarantined)[0].reason == "it did not answer"


async def test_a_failed_disk_blames_nobody(world):
    """Whoever runs then has done nothing."""
    (worker,) = world.supervisor.hosts
    world.supervisor.on_fatal = lambda _reason: None
    world.supervisor.on_message(worker, SyncFailed(error="EIO"))
    crash(world)
    assert world.quarantines.statuses() == ()


async def test_nobody_runs_nobody_is_blamed(world):
    """A host that ends idle."""
    crash(world, crumb=None)
    assert world.quarantines.statuses() == ()


async def test_time_new_code_and_people_lift_it(world):
    """Each is told, and hosts learn of it."""
    for lift in (
        lambda: (world.clock.advance(60), world.quarantines.tick()),
        world.quarantines.code_changed,
        lambda: world.quarantines.lift(CRUMB.key),
    ):
        crash(world)
        assert world.quarantines.of(CRUMB.key) is not None
        lift()
        assert world.quarantines.of(CRUMB.key) is None
        assert world.supervisor.hosts[0].child.last(Quarantine).objects == ()
        world.quarantines.code_changed()
    assert len({each.reason for each in world.of(QuarantineLifted)}) == 3
