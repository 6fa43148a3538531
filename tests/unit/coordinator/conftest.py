"""Children without processes: what they are told is kept, what they say is said by the test."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from sourdough.config.model import Config, Limits, Project
from sourdough.coordinator.launcher import Application
from sourdough.coordinator.liveness import Liveness
from sourdough.coordinator.options import ServerOptions
from sourdough.coordinator.reload import Reload
from sourdough.coordinator.supervisor import Supervisor
from sourdough.testing import FakeClock
from sourdough.wire.messages import Assign, Assigned, LoadFailed, Ready, Release, Released, Table

if TYPE_CHECKING:
    from sourdough.observe.records import Record


class TwinChild:
    """A child that does nothing by itself."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.told: list = []
        self.killed = False
        self.signals: list[int] = []

    def send(self, message) -> None:
        self.told.append(message)

    def kill(self) -> None:
        self.killed = True

    def signal(self, number: int) -> None:
        self.signals.append(number)

    def last(self, kind):
        found = [message for message in self.told if isinstance(message, kind)]
        return found[-1] if found else None


class TwinLauncher:
    """Launches twins, at once."""

    def __init__(self) -> None:
        self.workers: list = []

    def launch(self, worker, application, events) -> None:
        # Beyond the largest pid of any system, so that nobody else's process is looked at.
        worker.child = TwinChild(pid=10_000_000 + worker.serial)
        worker.path = f"h{worker.serial}"
        self.workers.append(worker)

    async def close(self) -> None: ...


class Server:
    """A supervisor with a reload and a liveness check, and the children they started."""

    def __init__(self, *, hosts: int = 2, standby: bool = False, gateways: int = 1, mode="dev"):
        self.clock = FakeClock()
        self.records: list[Record] = []
        self.launcher = TwinLauncher()
        limits = Limits(hang_timeout=10.0, ready_timeout=20.0)
        project = Project(config=Config(name="app", limits=limits), root=Path("/nowhere"))
        options = ServerOptions(
            project=project, mode=mode, host="127.0.0.1", port=0, gateways=gateways, hosts=hosts,
            standby=standby, drain_timeout=5.0, storage=Path("/nowhere"),
        )  # fmt: skip
        application = Application(options, application="app", storage_names={})
        self.supervisor = Supervisor(
            application=application,
            launcher=self.launcher,
            clock=self.clock,
            record=self.records.append,
        )
        self.reload = Reload(
            supervisor=self.supervisor,
            clock=self.clock,
            record=self.records.append,
            drain_timeout=5.0,
        )
        self.liveness = Liveness(
            supervisor=self.supervisor, clock=self.clock, record=self.records.append
        )
        self.crashes = 0
        self.supervisor.on_changed = self.reload.on_changed
        self.supervisor.on_load_failed = self.reload.on_load_failed
        self.supervisor.on_said = self._said

    def _said(self, worker, message) -> None:
        if isinstance(message, Released):
            self.reload.on_released(message)

    # --- the children, played by the test

    @property
    def seats(self):
        return self.supervisor.seats

    def starting(self) -> list:
        return [each for each in self.supervisor.hosts if each.state == "starting"]

    def gateway(self):
        return self.supervisor.gateways[0]

    def seated(self) -> dict[int, int]:
        """Return seat -> serial of the occupants that take events."""
        return {seat.number: seat.occupant for seat in self.seats.taken()}

    def ready(self, worker) -> None:
        self.supervisor.on_message(worker, Ready(pid=worker.pid))

    def confirm(self, worker) -> None:
        assign = worker.child.last(Assign)
        self.supervisor.on_message(worker, Assigned(seat=assign.seat, epoch=assign.epoch))

    def up(self) -> None:
        """Bring everything that is starting to where it can go."""
        for worker in [*self.supervisor.workers]:
            if worker.state == "starting":
                self.ready(worker)
        for worker in self.supervisor.hosts:
            if worker.state == "ready" and worker.child.last(Assign) is not None:
                self.confirm(worker)

    def start(self):
        self.supervisor.start()
        self.up()
        return self

    def crash(self, worker, code: int = -9) -> None:
        self.clock.advance(0.001)
        self.supervisor.on_exit(worker, code)

    def load_fails(self, worker, error: str = "SyntaxError: no") -> None:
        self.supervisor.on_message(worker, LoadFailed(error=error))
        self.supervisor.on_exit(worker, 3)

    def release(self, worker, objects: int = 1) -> None:
        assert worker.child.last(Release) is not None
        self.supervisor.on_message(worker, Released(clean=True, objects=objects))

    def table(self) -> Table:
        return self.gateway().child.last(Table)

    def of(self, kind) -> list:
        return [record for record in self.records if isinstance(record, kind)]


@pytest.fixture
async def make():
    """Makes servers whose pending starts are cancelled at the end."""
    made: list[Server] = []

    def build(**options) -> Server:
        server = Server(**options)
        made.append(server)
        return server

    yield build
    for server in made:
        server.supervisor.kill_all()
    await asyncio.sleep(0)
