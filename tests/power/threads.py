"""Threads that take turns: each stops before its next call to the disk until it is let on.

So a seed decides what a sync in a thread overlaps with, and replaying it decides the same.
"""

from __future__ import annotations

import threading
from concurrent.futures import Executor, Future
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from random import Random

_PATIENCE = 20.0


class KilledError(BaseException):
    """Ends a thread of a host that was killed."""


class DeadError(OSError):
    """What a host that was killed gets from its disk, if anything of it still runs here."""


class _Worker(threading.Thread):
    """One job."""

    def __init__(self, job: Callable[[], None], owner: object) -> None:
        super().__init__(daemon=True)
        self._job = job
        self.owner = owner
        self.killed = False
        self.turn = threading.Semaphore(0)
        self.stopped = threading.Semaphore(0)
        self.ended = False

    def run(self) -> None:
        self.turn.acquire()
        try:
            if not self.killed:
                self._job()
        except KilledError:
            return
        finally:
            self.ended = True
            self.stopped.release()


class Threads:
    """All jobs under way."""

    def __init__(self, random: Random) -> None:
        self._random = random
        self._workers: list[_Worker] = []

    @property
    def busy(self) -> bool:
        """Whether a job has not ended."""
        return bool(self._workers)

    def start(self, job: Callable[[], None], owner: object) -> _Worker:
        """Begin a job of a host; it runs when `step` picks it."""
        worker = _Worker(job, owner)
        worker.start()
        self._workers.append(worker)
        return worker

    def pause(self) -> None:
        """In a thread: let others go first. Elsewhere nothing."""
        worker = threading.current_thread()
        if isinstance(worker, _Worker):
            if not worker.killed:
                worker.stopped.release()
                worker.turn.acquire()
            if worker.killed:
                raise KilledError

    def give_way(self) -> None:
        """Let others go on until something may have changed."""
        if isinstance(threading.current_thread(), _Worker):
            self.pause()
        else:
            self.step()

    def step(self) -> None:
        """Let one job go on to its next call or its end."""
        self._let_on(self._random.choice(self._workers))

    def kill(self, owner: object) -> None:
        """End all jobs of a host where they are."""
        for worker in [each for each in self._workers if each.owner == owner]:
            worker.killed = True
            self._let_on(worker)

    def _let_on(self, worker: _Worker) -> None:
        worker.turn.release()
        assert worker.stopped.acquire(timeout=_PATIENCE), "a thread hangs"
        if worker.ended:
            self._workers.remove(worker)
            worker.join(_PATIENCE)

    def finish(self) -> None:
        """Let all jobs end."""
        while self._workers:
            self.step()


class TurnExecutor(Executor):
    """A pool whose jobs take turns; whoever waits for a result lets them go on."""

    def __init__(self, threads: Threads, owner: object) -> None:
        self._threads = threads
        self._owner = owner

    def submit(self, fn, /, *args, **kwargs):
        future = _TurnFuture(self._threads)

        def job() -> None:
            if not future.set_running_or_notify_cancel():
                return
            try:
                result = fn(*args, **kwargs)
            except KilledError:
                return  # who is dead tells nobody
            except BaseException as error:  # noqa: BLE001 (it travels to who waits)
                future.set_exception(error)
            else:
                future.set_result(result)

        future.worker = self._threads.start(job, self._owner)
        return future

    def shutdown(self, wait=True, *, cancel_futures=False):
        _ = wait, cancel_futures
        self._threads.finish()


class _TurnFuture(Future):
    worker: _Worker

    def __init__(self, threads: Threads) -> None:
        super().__init__()
        self._threads = threads

    def result(self, timeout=None):
        self._wait()
        return super().result(timeout)

    def exception(self, timeout=None):
        self._wait()
        return super().exception(timeout)

    def _wait(self) -> None:
        while not self.done():
            if self.worker.ended:
                raise KilledError
            self._threads.give_way()


class TurnLock:
    """A lock among threads that take turns: who waits for it lets the others go on."""

    def __init__(self, threads: Threads) -> None:
        self._threads = threads
        self._held = False

    def locked(self) -> bool:
        return self._held

    def __enter__(self) -> None:
        while self._held:
            self._threads.give_way()
        self._held = True

    def __exit__(self, *_: object) -> None:
        self._held = False
