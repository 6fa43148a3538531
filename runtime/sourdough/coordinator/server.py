"""One server, from taking the folder to the last child's end: what `dev` and `serve` run.

It owns what lives as long as the server: the folder's lock, the listening port, the control
socket, the catalogue. Children are the supervisor's, reloads are `Reload`'s.
"""

from __future__ import annotations

import asyncio
import secrets
import shutil
import signal
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from sourdough.clock import SYSTEM_CLOCK, Clock
from sourdough.coordinator.answers import Answers
from sourdough.coordinator.catalogue import Catalogue
from sourdough.coordinator.clients import Clients, refuse_inline, refuse_unbound
from sourdough.coordinator.control_server import ControlServer
from sourdough.coordinator.facts import Facts, installed_version
from sourdough.coordinator.folder import open_folder, records_of
from sourdough.coordinator.launcher import Application, Launcher, ProcessLauncher
from sourdough.coordinator.ledger import Ledger
from sourdough.coordinator.listening import listen, url_of
from sourdough.coordinator.liveness import Liveness
from sourdough.coordinator.lock import FolderLock
from sourdough.coordinator.options import ServerOptions
from sourdough.coordinator.reload import Phase, Reload
from sourdough.coordinator.reports import Reports
from sourdough.coordinator.saves import Saves
from sourdough.coordinator.server_file import (
    RUN_PREFIX,
    Announcement,
    remove_leftover,
    remove_server_file,
)
from sourdough.coordinator.stopping import Stopping
from sourdough.coordinator.supervisor import Supervisor
from sourdough.coordinator.test_mode import TestMode
from sourdough.coordinator.watch import Watcher
from sourdough.errors import SourdoughError, StartError, StorageError
from sourdough.observe.records import AnyRecord, Warned
from sourdough.storage.journal.damage import RESTORE
from sourdough.storage.journal.recovery import alarms_kept, alarms_left, prepare_storage
from sourdough.storage.layout import measure_sync, prepare
from sourdough.wire.messages import Drained, LoadFailed, Released
from sourdough.wire.sockets import DOORS

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Sequence

    from sourdough.coordinator.control import WantedClass
    from sourdough.coordinator.worker import Worker
    from sourdough.observe.banner import Banner
    from sourdough.observe.status import Snapshot
    from sourdough.storage.layout import Layout

__all__ = ["Server", "ServerOptions"]

# Half of the numbers that a coordinator may give: as many can follow.
_FIRST_SERIALS = DOORS // 2


class Server:
    """One server. `run` until it ends; `snapshot`, `reload` and `stop` work from any thread."""

    def __init__(
        self,
        options: ServerOptions,
        on_record: Callable[[AnyRecord], None],
        clock: Clock = SYSTEM_CLOCK,
    ) -> None:
        self.options = options
        self.on_started: Callable[[], None] | None = None
        self._record = on_record
        self._clock = clock
        self._facts = Facts(options, since=self._clock.now())
        self._began = self._clock.monotonic()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._ended: asyncio.Future[int] | None = None
        self._started = False
        self._announcement = Announcement(
            options.storage, mode=options.mode, version=installed_version(), workers=self._workers
        )
        self._snapshot: Snapshot | None = None
        self._assembled = False
        self._stopping: Stopping
        self._supervisor: Supervisor
        self._liveness: Liveness
        self._reload: Reload
        self._saves: Saves
        self._layout: Layout
        self._ledger: Ledger
        self._test_mode: TestMode
        self.clients: Clients

    # --- from outside

    async def run(self) -> int:
        """Serve until the end; return the exit code.

        Raises SourdoughError for what keeps it from serving: StorageError, FolderInUseError,
        StartError (a port that is taken, code that does not load).
        """
        self._loop = asyncio.get_running_loop()
        self._ended = self._loop.create_future()
        options = self.options
        prepare(options.storage)
        lock = await FolderLock.acquire_on_loop(options.storage, sleep=asyncio.sleep)
        remove_leftover(options.storage)
        run_dir = Path(tempfile.mkdtemp(prefix=RUN_PREFIX))
        try:
            return await self._run_locked(lock, run_dir)
        finally:
            shutil.rmtree(run_dir, ignore_errors=True)
            remove_server_file(options.storage)
            lock.release()

    def snapshot(self) -> Snapshot:
        """Return the state of everything, at most a second old."""
        if not self._assembled:  # it waits for the folder or recovers it, while screens draw
            return self._facts.before_start()
        snapshot = self._snapshot
        if snapshot is None:
            snapshot = self._snapshot = self._compose()
        return snapshot

    def banner(self) -> Banner:
        """Return the facts that do not change."""
        return self._facts.banner()

    def reload(self) -> None:
        """Load the code again."""
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._load_again)

    def stop(self) -> None:
        """Stop as the first SIGTERM does; a second call ends at once."""
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._stop)

    # --- the life of a server

    async def _run_locked(self, lock: FolderLock, run_dir: Path) -> int:
        options = self.options
        self._layout = open_folder(options.project, options.storage)
        for record in records_of(self._layout, self._clock, mode=options.mode):
            self._record(record)
        for leftover in lock.ended:
            self._warn(f"ended process {leftover.pid}, left behind by a server that died", None)
        if self._facts.durability == "disk":
            self._facts.sync_seconds = measure_sync(options.storage)
        await self._recover()
        assert self._ended is not None
        if self._ended.done():
            return self._ended.result()
        listening = self._listen()
        catalogue = await Catalogue.open(options.storage)
        launcher = self._launcher(listening, run_dir, lock.fd)
        self._assemble(launcher, catalogue)
        control = ControlServer(
            run_dir / "control.sock",
            self._answers().answer,
            version=installed_version(),
            clients=self.clients,
        )
        watcher: Watcher | None = None
        ticker = asyncio.ensure_future(self._tick_forever())
        self._handle_signals()
        try:
            await control.start()
            self._announcement.url, self._announcement.control = self._facts.url, control.path
            self._announcement.write()
            if options.reloads:
                watcher = Watcher(
                    root=options.project.root, storage=options.storage, on_saved=self._saves.take
                )
                self._facts.watched_files = watcher.count()
                watcher.start()
            await self._begin()
            return await self._ended
        finally:
            ticker.cancel()
            self._supervisor.kill_all()
            if watcher is not None:
                await watcher.close()
            await control.close()
            await self._ledger.bookkeeping.close()
            await launcher.close()
            # Last: a host that closes its objects may wait for an alarm to be kept.
            await self._ledger.alarms.close()
            await self._ledger.crons.close()
            await catalogue.close()
            if listening is not None:
                listening.close()

    async def _recover(self) -> None:
        """Bring the folder to its last durable state, before any host starts (invariant S9)."""
        engine = self.options.project.config.storage.durability_engine
        damaged = await asyncio.to_thread(prepare_storage, self.options.storage, engine)
        for place, reason in damaged.items():
            self._warn(f"{place} is damaged and not served: {reason}", RESTORE)

    async def _begin(self) -> None:
        """Start processes when the index of alarms holds what journals had noted (invariant S11)."""
        left = await asyncio.to_thread(alarms_left, self.options.storage)
        if left:
            await self._ledger.alarms.adopt(left)
            await asyncio.to_thread(alarms_kept, self.options.storage)
        if not self._supervisor.stopping:  # somebody may have stopped it meanwhile
            self._supervisor.start()

    def _listen(self) -> socket.socket | None:
        listening = listen(self.options.host, self.options.port)
        self._facts.url = url_of(self.options.host, listening)
        return listening

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
            first_serial=1 + secrets.randbelow(_FIRST_SERIALS),
        )
        self._reload = Reload(
            supervisor=self._supervisor,
            clock=self._clock,
            record=self._record,  # type: ignore[arg-type]
            drain_timeout=options.drain_timeout,
        )
        self._saves = Saves(
            supervisor=self._supervisor,
            reload=self._reload,
            clock=self._clock,
            record=self._record,  # type: ignore[arg-type]
            adopted=self._adopted,
        )
        self._liveness = Liveness(
            supervisor=self._supervisor,
            clock=self._clock,
            record=self._record,  # type: ignore[arg-type]
        )
        self._stopping = Stopping(
            supervisor=self._supervisor,
            clock=self._clock,
            record=self._record,  # type: ignore[arg-type]
            finish=self._finish,
        )
        self.clients = Clients(self._supervisor)
        self._ledger = Ledger(
            supervisor=self._supervisor,
            catalogue=catalogue,
            layout=self._layout,
            clock=self._clock,
            record=self._record,  # type: ignore[arg-type]
            settled=lambda: self._reload.phase is Phase.IDLE,
        )
        self._reload.on_new_code = self._ledger.quarantines.code_changed
        self._test_mode = TestMode(
            clock=self._clock, supervisor=self._supervisor, alarms=self._ledger.alarms
        )
        self._announcement.on_failed = lambda text: self._warn(text, None)
        self._supervisor.on_changed = self._changed
        self._supervisor.on_load_failed = self._load_failed
        self._supervisor.on_said = Reports(
            seats=lambda: self._supervisor.seats,
            ledger=self._ledger,
            clock=self._clock,
            record=self._record,
            finished=self._finished,
            clock_moved=self._test_mode.moved,
        ).take
        self._supervisor.on_fatal = self._fatal
        self._assembled = True

    def _launcher(self, listening: socket.socket | None, run_dir: Path, lock_fd: int) -> Launcher:
        if self.options.inline:
            from sourdough.coordinator.inline import InlineLauncher  # noqa: PLC0415 (50 ms)

            return InlineLauncher(listening=listening, clock=self._clock)
        return ProcessLauncher(
            run_dir=run_dir,
            listening=listening,
            lock_fd=lock_fd,
            on_spawned=self._announcement.write,
            clock=self._clock,
        )

    def _answers(self) -> Answers:
        return Answers(
            ledger=self._ledger,
            snapshot=self._compose,
            stop=self._stopping.stop,
            register=self.register,
            advance=self._test_mode.advance,
        )

    async def register(self, classes: Sequence[WantedClass]) -> None:
        """See that hosts run these classes. Raises SourdoughError for one that they do not run."""
        refuse_inline(self.options)
        refuse_unbound(self.options.project.config, classes)

    def _load_again(self) -> None:
        if self._assembled:
            self._saves.take([])

    def _stop(self) -> None:
        if self._assembled:
            self._stopping.stop()
        else:
            self._finish(0)

    def _finish(self, code: int) -> None:
        if self._ended is not None and not self._ended.done():
            self._ended.set_result(code)

    def _fail(self, error: SourdoughError) -> None:
        if self._ended is not None and not self._ended.done():
            self._ended.set_exception(error)

    # --- what happens

    def _changed(self) -> None:
        self._snapshot = None
        self._reload.on_changed()
        self._ledger.changed()
        self._stopping.changed()
        gateways = self._supervisor.gateways
        ready = all(each.state == "serving" for each in gateways)
        ready = ready and len(gateways) == self.options.gateways
        if not self._started and ready and self._supervisor.seats.complete:
            self._serving()

    def _serving(self) -> None:
        self._started = True
        self._reload.traceback = None
        if self.on_started is not None:
            self.on_started()
        ms = (self._clock.monotonic() - self._began) * 1e3
        self._record(self._facts.started(self._clock.now(), ms))

    def _load_failed(self, worker: Worker, fault: LoadFailed) -> None:
        if self._started or self.options.reloads:
            self._reload.on_load_failed(worker, fault)
            if not self.options.reloads:
                self._supervisor.retry_load(worker)
            return
        self._fail(StartError(fault.error, place=fault.place, hint=fault.hint))

    def _finished(self, worker: Worker, message: Drained | Released) -> None:
        if isinstance(message, Released):
            self._reload.on_released(message)
        self._stopping.heard(worker, message)

    def _fatal(self, reason: str) -> None:
        self._fail(StorageError(reason, place=str(self.options.storage)))

    def _adopted(self, options: ServerOptions, layout: Layout) -> None:
        """Learn of a configuration that was changed while the server runs."""
        self.options = self._facts.options = options
        self._layout = self._ledger.layout = layout

    def _handle_signals(self) -> None:
        assert self._loop is not None
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            self._loop.add_signal_handler(number, self._stopping.stop)

    # --- time and state

    async def _tick_forever(self) -> None:
        while True:
            period = self.options.project.config.limits.heartbeat
            await asyncio.sleep(period)
            self._liveness.tick(period)
            self._ledger.tick()
            self._snapshot = self._compose()

    def _compose(self) -> Snapshot:
        return self._facts.snapshot(
            self._supervisor,
            traceback=self._reload.traceback,
            draining=self._stopping.begun,
            ledger=self._ledger,
        )

    def _workers(self) -> list[Worker]:
        return [] if self.options.inline else self._supervisor.workers

    def _warn(self, text: str, hint: str | None) -> None:
        self._record(Warned(ts=self._clock.now(), text=text, hint=hint))
