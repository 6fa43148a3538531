"""The orderly end of a server: who is asked when, and what is not clean."""

from __future__ import annotations

import asyncio

import pytest

from sourdough.coordinator import drain
from sourdough.coordinator.drain import Shutdown
from sourdough.wire.messages import Drain, Drained, Exit, Release, Released


class Stopping:
    """A shutdown under way."""

    def __init__(self, server, seconds: float = 5.0) -> None:
        self.server = server
        self.shutdown = Shutdown(server.supervisor, server.clock, seconds)
        server.supervisor.on_changed = self.shutdown.changed
        self.run = asyncio.ensure_future(self.shutdown.run())

    async def turn(self) -> None:
        for _ in range(5):
            await asyncio.sleep(0)

    def end(self, worker) -> None:
        self.server.supervisor.on_exit(worker, 0)


async def test_gateways_first_then_hosts_then_the_end(make):
    """Hosts serve until the gateways have nothing left (invariant D6)."""
    server = make(hosts=2, standby=True).start()
    gateway, (one, two, standby) = server.gateway(), server.supervisor.hosts
    stopping = Stopping(server)
    await stopping.turn()
    assert gateway.child.last(Drain).deadline == pytest.approx(5.0)
    assert one.child.last(Release) is None
    server.clock.advance(2.0)
    stopping.shutdown.heard(gateway, Drained(clean=True))
    await stopping.turn()
    assert one.child.last(Release).deadline == pytest.approx(3.0)
    assert two.child.last(Release) is not None
    assert standby.child.last(Release) is None
    assert gateway.child.last(Exit) is None
    for worker in (one, two):
        stopping.shutdown.heard(worker, Released(clean=True, objects=1))
    await stopping.turn()
    assert all(each.child.last(Exit) is not None for each in server.supervisor.workers)
    for worker in [*server.supervisor.workers]:
        stopping.end(worker)
    assert await stopping.run is True


async def test_what_a_child_cut_short_is_not_clean(make):
    """One unclean answer makes the stop unclean."""
    server = make(hosts=1).start()
    stopping = Stopping(server)
    await stopping.turn()
    stopping.shutdown.heard(server.gateway(), Drained(clean=False))
    await stopping.turn()
    stopping.shutdown.heard(server.supervisor.hosts[0], Released(clean=True, objects=0))
    await stopping.turn()
    for worker in [*server.supervisor.workers]:
        stopping.end(worker)
    assert await stopping.run is False


async def test_a_child_that_dies_in_the_drain_does_not_hold_it_up(make):
    """Its end counts as an answer, and as unclean."""
    server = make(hosts=1).start()
    stopping = Stopping(server)
    await stopping.turn()
    stopping.end(server.gateway())
    await stopping.turn()
    host = server.supervisor.hosts[0]
    assert host.child.last(Release) is not None
    stopping.end(host)
    assert await stopping.run is False


async def test_every_step_is_bounded(make, monkeypatch):
    """Children that never answer are killed in the end."""
    monkeypatch.setattr(drain, "_END_SECONDS", 0.01)
    monkeypatch.setattr(drain, "_LEAST_SECONDS", 0.001)
    server = make(hosts=1).start()
    real = asyncio.timeout
    monkeypatch.setattr(drain.asyncio, "timeout", lambda seconds: real(min(seconds, 0.01)))
    stopping = Stopping(server, seconds=0.0)
    assert await stopping.run is False
    assert all(each.child.killed for each in server.supervisor.workers)


async def test_children_that_are_starting_are_ended_at_once(make):
    """Nobody waits for an import at the end."""
    server = make(hosts=1)
    server.supervisor.start()
    server.ready(server.gateway())
    stopping = Stopping(server)
    await stopping.turn()
    stopping.shutdown.heard(server.gateway(), Drained(clean=True))
    await stopping.turn()
    assert server.supervisor.hosts[0].child.killed
    for worker in [*server.supervisor.workers]:
        stopping.end(worker)
    assert await stopping.run is True
