"""What a server tells of itself: the banner at its start, the snapshot of every second."""

from __future__ import annotations

import os
import platform
from importlib.metadata import version as distribution_version
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec.structs import replace

from sourdough.coordinator.snapshots import gateway_statuses, host_statuses, standby_status
from sourdough.observe.banner import Banner, RouteLine
from sourdough.observe.records import ServerStarted
from sourdough.observe.status import CoordinatorStatus, Snapshot

if TYPE_CHECKING:
    from sourdough.coordinator.ledger import Ledger
    from sourdough.coordinator.options import ServerOptions
    from sourdough.coordinator.supervisor import Supervisor


def installed_version() -> str:
    """Return the version of this installation."""
    return distribution_version("sourdough-runtime")


def _entrypoint(main: str | None) -> str | None:
    if main is None or ":" in main:
        return main
    return f"{main}.Default"


class Facts:
    """The facts of one server; `url` and the others are filled in as they become known."""

    def __init__(self, options: ServerOptions, since: float) -> None:
        self.options = options
        self.since = since
        self.url = ""
        self.sync_seconds: float | None = None
        self.watched_files: int | None = None

    def banner(self) -> Banner:
        """Return the facts that do not change."""
        project = self.options.project
        bindings = {binding.name: binding for binding in project.config.bindings}
        return Banner(
            version=installed_version(),
            name=project.config.name,
            mode=self.options.mode,
            python=platform.python_version(),
            url=self.url,
            routes=tuple(
                RouteLine(
                    binding=route.binding,
                    pattern=route.pattern,
                    target=".".join(bindings[route.binding].class_ref),
                )
                for route in project.config.routes
            ),
            entrypoint=_entrypoint(project.config.main),
            storage=self.shown_storage,
            durability=self.durability,
            sync_seconds=self.sync_seconds,
            watched_files=self.watched_files,
            memory=self.options.memory,
            config_file=None if project.file is None else project.file.name,
        )

    def started(self, now: float, ms: float) -> ServerStarted:
        """Return the line that says that the server serves, `ms` after it was started."""
        return ServerStarted(
            ts=now,
            url=self.url,
            pid=os.getpid(),
            hosts=self.options.hosts,
            storage=self.shown_storage,
            durability=self.durability,
            ms=ms,
        )

    def before_start(self) -> Snapshot:
        """Return the state of a server that has no processes yet."""
        return Snapshot(
            version=installed_version(),
            name=self.options.project.config.name,
            url=self.url,
            storage=str(self.options.storage),
            durability=self.durability,
            sync_seconds=self.sync_seconds,
            coordinator=CoordinatorStatus(
                pid=os.getpid(), since=self.since, mode=self.options.mode, draining=False
            ),
            gateways=(),
            hosts=(),
            standby=None,
            table_version=0,
            objects_known=0,
        )

    def snapshot(
        self,
        supervisor: Supervisor,
        *,
        traceback: str | None,
        draining: bool,
        ledger: Ledger,
    ) -> Snapshot:
        """Put the state of everything together."""
        return replace(
            self.before_start(),
            coordinator=CoordinatorStatus(
                pid=os.getpid(),
                since=self.since,
                mode=self.options.mode,
                draining=draining,
                clients=tuple(
                    worker.pid
                    for worker in supervisor.workers
                    if worker.is_client and worker.pid not in {None, os.getpid()}
                ),
            ),
            gateways=gateway_statuses(supervisor),
            hosts=host_statuses(supervisor, traceback),
            standby=standby_status(supervisor),
            table_version=supervisor.seats.version,
            objects_known=ledger.bookkeeping.count,
            crons=ledger.crons.statuses(),
            quarantined=ledger.quarantines.statuses(),
        )

    @property
    def durability(self) -> str:
        return "memory" if self.options.memory else self.options.project.config.storage.durability

    @property
    def shown_storage(self) -> str:
        here = Path.cwd()
        storage = self.options.storage
        return str(storage.relative_to(here)) if storage.is_relative_to(here) else str(storage)
