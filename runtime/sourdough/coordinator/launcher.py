"""Starts children: makes their sockets and files, and gives them the application."""

from __future__ import annotations

import asyncio
import socket
import sys
from typing import TYPE_CHECKING, Any, Protocol

import msgspec

from sourdough.config.packed import pack
from sourdough.coordinator.child import ChildProcess
from sourdough.movable import ShiftedClock
from sourdough.observe import breadcrumb
from sourdough.wire.messages import Setup

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from sourdough.clock import Clock
    from sourdough.coordinator.options import ServerOptions
    from sourdough.coordinator.worker import Worker

_BACKLOG = 128


class Events(Protocol):
    """What the supervisor learns of its children."""

    def on_message(self, worker: Worker, message: Any) -> None: ...

    def on_output(self, worker: Worker, stream: str, line: str) -> None: ...

    def on_exit(self, worker: Worker, code: int) -> None: ...


class Application:
    """What children are told of the application; changes with a reload.

    A changed configuration is `coming` until the code that belongs to it is loaded: hosts start
    with it, everybody else goes on with what is served.
    """

    def __init__(
        self, options: ServerOptions, *, application: str, storage_names: dict[str, str]
    ) -> None:
        self.options = options
        self.application = application
        self.storage_names = storage_names
        self.coming: Application | None = None

    @property
    def for_hosts(self) -> Application:
        """What a host is started with: code and configuration as they are on the disk."""
        return self.coming or self

    def adopt(self) -> None:
        """Serve what was coming."""
        if self.coming is not None:
            self.options = self.coming.options
            self.storage_names = self.coming.storage_names
            self.coming = None

    def setup(self, worker: Worker) -> Setup:
        """Return the first message to a child."""
        source = self.for_hosts if worker.is_host else self
        options = source.options
        return Setup(
            config=pack(options.project.config),
            root=str(options.project.root),
            storage=str(options.storage),
            application=self.application,
            storage_names=source.storage_names,
            mode=options.mode,
            serial=worker.serial,
            index=worker.index,
            memory=options.memory,
            ledger=None if worker.ledger is None else str(worker.ledger),
        )

    def host_arguments(self) -> list[str]:
        """Return the command line of a host, behind the interpreter's options."""
        project = self.options.project
        arguments = ["--root", str(project.root)]
        for module, class_name in project.config.classes:
            arguments += ["--module", module, "--class", class_name]
        if project.config.main is not None:
            arguments += ["--main", project.config.main]
        for folder in project.path:
            arguments += ["--path", folder]
        for module, file in project.sources:
            arguments += ["--source", f"{module}={file}"]
        if self.options.reloads:
            arguments.append("--dev")
        return arguments


class Launcher(Protocol):
    """Starts children in one way or another."""

    def launch(self, worker: Worker, application: Application, events: Events) -> None:
        """Start a child; `events` tells what becomes of it, also of a start that fails."""

    async def close(self) -> None:
        """Give up what is shared by all children."""


class ProcessLauncher:
    """Every child is a process of its own."""

    def __init__(
        self,
        *,
        run_dir: Path,
        listening: socket.socket | None,
        lock_fd: int,
        on_spawned: Callable[[], None],
        clock: Clock,
    ) -> None:
        self._clock = clock
        self._run_dir = run_dir
        self._listening = listening
        self._lock_fd = lock_fd
        self._on_spawned = on_spawned
        self._tasks: set[asyncio.Task[None]] = set()

    def launch(self, worker: Worker, application: Application, events: Events) -> None:
        task = asyncio.get_running_loop().create_task(self._launch(worker, application, events))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()

    async def _launch(self, worker: Worker, application: Application, events: Events) -> None:
        python = [sys.executable, "-P", "-m"]
        try:
            if worker.is_host:
                listening = self._host_socket(worker)
                arguments = [*python, "sourdough.host", *application.for_hosts.host_arguments()]
                arguments += ["--breadcrumb", str(worker.breadcrumb)]
            else:
                assert self._listening is not None, "gateways need a port"
                listening = self._listening
                worker.ledger = self._folder() / f"gateway-{worker.index}.sockets"
                arguments = [*python, "sourdough.gateway"]
            worker.child = await ChildProcess.spawn(
                arguments,
                listening=listening,
                lock_fd=self._lock_fd,
                on_message=lambda message: events.on_message(worker, message),
                on_output=lambda stream, line: events.on_output(worker, stream, line),
                on_exit=lambda code: events.on_exit(worker, code),
            )
        except Exception as error:  # noqa: BLE001 (a start that fails is an end, whatever it was)
            events.on_output(worker, "stderr", f"cannot start a process: {error}")
            events.on_exit(worker, 1)
            return
        setup = application.setup(worker)
        if isinstance(self._clock, ShiftedClock):
            setup = msgspec.structs.replace(setup, ahead=self._clock.ahead)
        worker.send(setup)
        self._on_spawned()

    def _folder(self) -> Path:
        """Return the run folder, which somebody who tidies temporary folders may have removed."""
        self._run_dir.mkdir(mode=0o700, exist_ok=True)
        return self._run_dir

    def _host_socket(self, worker: Worker) -> socket.socket:
        """Make the socket that the host will accept links on; it is ours until the host is gone."""
        folder = self._folder()
        path = folder / f"h{worker.serial}.sock"
        worker.path = str(path)
        worker.breadcrumb = folder / f"h{worker.serial}.crumb"
        breadcrumb.prepare(worker.breadcrumb)
        listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        listening.bind(worker.path)
        listening.listen(_BACKLOG)
        crumb = worker.breadcrumb

        def close() -> None:
            listening.close()
            path.unlink(missing_ok=True)
            crumb.unlink(missing_ok=True)

        worker.close = close
        return listening
