"""One server, from taking the folder to the last child's end: what `dev` and `serve` run.

It owns what lives as long as the server: the folder's lock, the listening port, the control
socket, the catalogue. Children are the supervisor's, reloads are `Reload`'s.
"""

from __future__ import annotations

import asyncio
import os
import platform
import shutil
import signal
import socket
import tempfile
from dataclasses import replace
from importlib.metadata import version as distribution_version
from pathlib import Path
from typing import Any, TYPE_CHECKING

import msgspec

from sourdough.clock import SystemClock
from sourdough.config.load import load as load_config
from sourdough.coordinator.answers import Answers, namespaces_of
from sourdough.coordinator.bookkeeping import Bookkeeping
from sourdough.coordinator.catalogue import Catalogue
from sourdough.coordinator.control_server import ControlServer
from sourdough.coordinator.drain import Shutdown
from sourdough.coordinator.inline import InlineLauncher
from sourdough.coordinator.launcher import Application, Launcher, ProcessLauncher
from sourdough.coordinator.lock import FolderLock
from sourdough.coordinator.options import ServerOptions
from sourdough.coordinator.process import ProcessIdentity
from sourdough.coordinator.questions import Questions
from sourdough.coordinator.reload import Reload
from sourdough.coordinator.server_file import ServerFile, remove_server_file
from sourdough.coordinator.snapshots import gateway_statuses, host_statuses, standby_status
from sourdough.coordinator.supervisor import Supervisor
from sourdough.coordinator.watch import Watcher
from sourdough.errors import ConfigError, SourdoughError, StartError, StorageError
from sourdough.observe.banner import Banner, RouteLine
from sourdough.observe.records import (
    AnyRecord,
    DrainWaiting,
    Dropped,
    ReloadFailed,
    ServerStarted,
    ServerStopped,
    ServerStopping,
    Warned,
)  # fmt: skip
from sourdough.observe.status import CoordinatorStatus, Snapshot
from sourdough.storage.layout import Layout, measure_sync
from sourdough.wire.messages import (
    Answer,
    Drained,
    Forgotten,
    Known,
    Lines,
    LoadFailed,
    Released,
    Waiting,
)  # fmt: skip

if TYPE_CHECKING:
    from sourdough.coordinator.worker import Worker
    from sourdough.config.model import Config
    from collections.abc import Callable, Sequence

__all__ = ["Server", "ServerOptions"]

_BACKLOG = 1024
_CONFIG_SUFFIX = ".toml"


def _version() -> str:
    return distribution_version("sourdough-runtime")


class Server:
    """One server. `run` until it ends; `snapshot`, `reload` and `stop` work from any thread."""

    def __init__(self, options: ServerOptions, on_record: Callable[[AnyRecord], None]) -> None:
        self.options = options
        self.on_started: Callable[[], None] | None = None
        self._record = on_record
        self._clock = SystemClock()
        self._since = self._clock.now()
        self._began = self._clock.monotonic()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._ended: asyncio.Future[int] | None = None
        self._decoder = msgspec.msgpack.Decoder(AnyRecord)
        self._sync_seconds: float | None = None
        self._url = ""
        self._watched: int | None = None
        self._started = False
        self._signals = 0
        self._shutdown: Shutdown | None = None
        self._snapshot: Snapshot | None = None
        self._stopping: asyncio.Task[None] | None = None
        self._supervisor: Supervisor
        self._reload: Reload
        self._layout: Layout
        self._questions: Questions
        self._bookkeeping: Bookkeeping
        self._control_path: Path

    # --- from outside

    async def run(self) -> int:
        """Serve until the end; return the exit code.

        Raises SourdoughError for what keeps it from serving: StorageError, FolderInUseError,
        StartError (a port that is taken, code that does not load).
        """
        self._loop = asyncio.get_running_loop()
        self._ended = self._loop.create_future()
        options = self.options
        config = options.project.config
        self._layout = Layout.open(
            options.storage, config.name, [binding.class_name for binding in config.bindings]
        )
        lock = await FolderLock.acquire_on_loop(options.storage, sleep=asyncio.sleep)
        run_dir = Path(tempfile.mkdtemp(prefix="sourdough-"))
        try:
            return await self._run_locked(lock, run_dir)
        finally:
            shutil.rmtree(run_dir, ignore_errors=True)
            remove_server_file(options.storage)
            lock.release()

    def snapshot(self) -> Snapshot:
        """Return the state of everything, at most a second old."""
        return self._snapshot or self._compose()

    def banner(self) -> Banner:
        """Return the facts that do not change."""
        project = self.options.project
        bindings = {binding.name: binding for binding in project.config.bindings}
        return Banner(
            version=_version(),
            name=project.config.name,
            mode=self.options.mode,
            python=platform.python_version(),
            url=self._url,
            routes=tuple(
                RouteLine(
                    binding=route.binding,
                    pattern=route.pattern,
                    target=".".join(bindings[route.binding].class_ref),
                )
                for route in project.config.routes
            ),
            entrypoint=None if project.config.main is None else f"{project.config.main}.Default",
            storage=self._shown_storage(),
            durability=self._durability(),
            sync_seconds=self._sync_seconds,
            watched_files=self._watched,
            memory=self.options.memory,
            config_file=None if project.file is None else project.file.name,
        )

    def reload(self) -> None:
        """Load the code again."""
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._begin_reload, [])

    def stop(self) -> None:
        """Stop as the first SIGTERM does; a second call ends at once."""
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._stop)

    # --- the life of a server

    async def _run_locked(self, lock: FolderLock, run_dir: Path) -> int:
        options = self.options
        if self._layout.warning is not None:
            self._warn(self._layout.warning, self._layout.hint)
        for leftover in lock.ended:
            self._warn(f"ended process {leftover.pid}, left behind by a server that died", None)
        self._sync_seconds = self._measured_sync()
        listening = _listen(options.host, options.port)
        port = listening.getsockname()[1]
        shown = f"[{options.host}]" if ":" in options.host else options.host
        self._url = f"http://{shown}:{port}"
        catalogue = await Catalogue.open(options.storage)
        launcher = self._launcher(listening, run_dir, lock.fd)
        self._assemble(launcher, catalogue)
        control = ControlServer(
            run_dir / "control.sock", self._answers(catalogue).answer, version=_version()
        )
        self._control_path = control.path
        watcher: Watcher | None = None
        ticker = asyncio.ensure_future(self._tick_forever())
        self._handle_signals()
        try:
            await control.start()
            self._write_server_file()
            if options.reloads:
                watcher = Watcher(
                    root=options.project.root, storage=options.storage, on_saved=self._saved
                )
                self._watched = watcher.count()
                watcher.start()
            self._supervisor.start()
            assert self._ended is not None
            return await self._ended
        finally:
            ticker.cancel()
            self._supervisor.kill_all()
            if watcher is not None:
                await watcher.close()
            await control.close()
            await self._bookkeeping.close()
            await launcher.close()
            await catalogue.close()
            listening.close()

    def _assemble(self, launcher: Launcher, catalogue: Catalogue) -> None:
        options = self.options
        self._supervisor = Supervisor(
            application=Application(
                options,
                application=self._layout.application,
                storage_names=self._layout.storage_names,
            ),
            launcher=launcher,
            clock=self._clock,
            record=self._record,  # type: ignore[arg-type]  # every record it makes is one of ours
            name_of=self._label_of,
        )
        self._reload = Reload(
            supervisor=self._supervisor,
            clock=self._clock,
            record=self._record,  # type: ignore[arg-type]
            drain_timeout=options.drain_timeout,
        )
        self._questions = Questions(self._supervisor)
        self._bookkeeping = Bookkeeping(catalogue, self._layout, self._questions)
        self._supervisor.on_changed = self._changed
        self._supervisor.on_load_failed = self._load_failed
        self._supervisor.on_said = self._said
        self._supervisor.on_fatal = self._fatal
        self._supervisor.on_crashed = self._bookkeeping.reconcile

    def _launcher(self, listening: socket.socket, run_dir: Path, lock_fd: int) -> Launcher:
        if self.options.inline:
            return InlineLauncher(listening=listening, clock=self._clock)
        return ProcessLauncher(
            run_dir=run_dir,
            listening=listening,
            lock_fd=lock_fd,
            on_spawned=self._write_server_file,
        )

    def _answers(self, catalogue: Catalogue) -> Answers:
        return Answers(
            catalogue=catalogue,
            questions=self._questions,
            namespaces=lambda: namespaces_of(self.options.project.config, self._layout),
            snapshot=self._compose,
            stop=self._stop,
        )

    def _finish(self, code: int) -> None:
        if self._ended is not None and not self._ended.done():
            self._ended.set_result(code)

    def _fail(self, error: SourdoughError) -> None:
        if self._ended is not None and not self._ended.done():
            self._ended.set_exception(error)

    # --- what happens

    def _changed(self) -> None:
        self._reload.on_changed()
        if self._shutdown is not None:
            self._shutdown.changed()
        gateways = self._supervisor.gateways
        ready = gateways and all(each.state == "serving" for each in gateways)
        if not self._started and ready and self._supervisor.seats.complete:
            self._serving()

    def _serving(self) -> None:
        self._started = True
        self._reload.traceback = None
        if self.on_started is not None:
            self.on_started()
        self._record(
            ServerStarted(
                ts=self._clock.now(),
                url=self._url,
                pid=os.getpid(),
                hosts=self.options.hosts,
                storage=self._shown_storage(),
                durability=self._durability(),
                ms=(self._clock.monotonic() - self._began) * 1e3,
            )
        )

    def _load_failed(self, worker: Worker, fault: LoadFailed) -> None:
        if self._started or self.options.reloads:
            self._reload.on_load_failed(worker, fault)
            return
        self._fail(StartError(fault.error, place=fault.place, hint=fault.hint))

    def _said(self, worker: Worker, message: Any) -> None:
        if isinstance(message, Lines):
            self._lines(worker, message)
        elif isinstance(message, Known | Forgotten):
            self._bookkeeping.take(message)
        elif isinstance(message, Answer):
            self._questions.answered(message)
        elif isinstance(message, Drained | Released):
            if isinstance(message, Released):
                self._reload.on_released(message)
            if self._shutdown is not None:
                self._shutdown.heard(worker, message)
        elif isinstance(message, Waiting):
            self._record(
                DrainWaiting(
                    ts=self._clock.now(),
                    object=message.object,
                    what=message.what,
                    seconds=message.seconds,
                    place=message.place,
                )
            )

    def _lines(self, worker: Worker, message: Lines) -> None:
        seat = self._supervisor.seats.of(worker.serial)
        for data in message.records:
            record = self._decoder.decode(data)
            if seat is not None and hasattr(record, "host"):
                record = msgspec.structs.replace(record, host=seat.number)
            self._record(record)
        if message.dropped:
            self._record(Dropped(ts=self._clock.now(), count=message.dropped))

    def _fatal(self, reason: str) -> None:
        self._fail(StorageError(reason, place=str(self.options.storage)))

    # --- reload

    def _saved(self, files: Sequence[str]) -> None:
        if self._supervisor.stopping:
            return
        if any(name.endswith(_CONFIG_SUFFIX) for name in files) and not self._read_config(files):
            return
        self._begin_reload(files)

    def _begin_reload(self, files: Sequence[str]) -> None:
        if not self._supervisor.stopping:
            self._reload.begin(files)

    def _read_config(self, files: Sequence[str]) -> bool:
        """Take a changed configuration; return False when it has faults."""
        project = self.options.project
        if project.file is None or project.file.name not in files:
            return True
        try:
            changed = load_config(project.file)
            layout = Layout.open(
                self.options.storage, changed.config.name,
                [binding.class_name for binding in changed.config.bindings],
            )  # fmt: skip
        except (ConfigError, StorageError) as error:
            self._record(
                ReloadFailed(
                    ts=self._clock.now(), files=tuple(files), error=error.message, place=error.place
                )
            )
            return False
        self._tell_fixed(project.config, changed.config)
        self._layout = layout
        self.options = replace(self.options, project=changed)
        self._supervisor.application.options = self.options
        self._supervisor.application.storage_names = layout.storage_names
        self._supervisor.configure_gateways()
        return True

    def _tell_fixed(self, old: Config, new: Config) -> None:
        """Say what of the configuration takes effect with the next start only."""
        if (old.dev, old.storage, old.host_count, old.name) != (
            new.dev, new.storage, new.host_count, new.name,
        ):  # fmt: skip
            self._warn(
                "name, hostCount, [storage] and [dev] take effect at the next start",
                "stop the server and start it again",
            )

    # --- the end

    def _handle_signals(self) -> None:
        assert self._loop is not None
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            self._loop.add_signal_handler(number, self._stop)

    def _stop(self) -> None:
        self._signals += 1
        if self._signals > 1:
            self._record(
                ServerStopped(
                    ts=self._clock.now(), seconds=self._clock.monotonic() - self._began, clean=False
                )
            )
            self._supervisor.kill_all()
            self._finish(1)
            return
        self._stopping = asyncio.ensure_future(self._drain())

    async def _drain(self) -> None:
        began = self._clock.monotonic()
        hosts = self._supervisor.hosts
        self._record(
            ServerStopping(
                ts=self._clock.now(),
                events=sum(each.figures.beat.events for each in hosts),
                objects=sum(each.figures.beat.objects for each in hosts),
            )
        )
        self._shutdown = Shutdown(self._supervisor, self._clock, self.options.drain_timeout)
        clean = await self._shutdown.run()
        self._record(
            ServerStopped(
                ts=self._clock.now(), seconds=self._clock.monotonic() - began, clean=clean
            )
        )
        self._finish(0)

    # --- time and state

    async def _tick_forever(self) -> None:
        period = self.options.project.config.limits.heartbeat
        while True:
            await asyncio.sleep(period)
            self._supervisor.tick(period)
            self._snapshot = self._compose()

    def _compose(self) -> Snapshot:
        return Snapshot(
            version=_version(),
            name=self.options.project.config.name,
            url=self._url,
            storage=str(self.options.storage),
            durability=self._durability(),
            sync_seconds=self._sync_seconds,
            coordinator=CoordinatorStatus(
                pid=os.getpid(),
                since=self._since,
                mode=self.options.mode,
                draining=self._shutdown is not None,
            ),
            gateways=gateway_statuses(self._supervisor),
            hosts=host_statuses(self._supervisor, self._reload.traceback),
            standby=standby_status(self._supervisor),
            table_version=self._supervisor.seats.version,
            objects_known=self._bookkeeping.count,
        )

    def _write_server_file(self) -> None:
        """Say who uses the folder, and which processes to end should we die (invariant P4)."""
        me = ProcessIdentity.of(os.getpid())
        pids = [] if self.options.inline else [each.pid for each in self._supervisor.workers]
        children = [ProcessIdentity.of(pid) for pid in pids if pid is not None]
        ServerFile(
            pid=os.getpid(),
            start_time=me.start_time if me is not None else "",
            version=_version(),
            url=self._url,
            control=str(self._control_path),
            mode=self.options.mode,
            children=tuple(child for child in children if child is not None),
        ).write(self.options.storage)

    def _label_of(self, key: bytes) -> str:
        """Name the object under a key, for people."""
        return f"{key[:-32].decode('utf-8', 'replace')}:{key[-32:].hex()[:12]}.."

    def _measured_sync(self) -> float | None:
        return None if self._durability() != "disk" else measure_sync(self.options.storage)

    def _durability(self) -> str:
        return "memory" if self.options.memory else self.options.project.config.storage.durability

    def _shown_storage(self) -> str:
        here = Path.cwd()
        storage = self.options.storage
        return str(storage.relative_to(here)) if storage.is_relative_to(here) else str(storage)

    def _warn(self, text: str, hint: str | None) -> None:
        self._record(Warned(ts=self._clock.now(), text=text, hint=hint))


def _listen(host: str, port: int) -> socket.socket:
    """Bind the port. Raises StartError when it is taken or not ours to take."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((host, port))
        listening.listen(_BACKLOG)
    except OSError as error:
        listening.close()
        raise StartError(
            f"cannot listen on {host}:{port}: {error.strerror}",
            hint=f"`--port {port + 1}` takes another port, `--port 0` any free one",
        ) from error
    listening.setblocking(False)
    return listening
