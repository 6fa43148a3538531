"""The folder lock with real processes (invariant P4)."""

from __future__ import annotations

import asyncio
import fcntl
import os
import signal
import subprocess
import sys
from contextlib import contextmanager

import pytest

from sourdough.coordinator.lock import FolderLock
from sourdough.coordinator.process import ProcessIdentity
from sourdough.coordinator.server_file import ServerFile
from sourdough.errors import FolderInUseError, StorageError

# Says that it runs, then lives until its standard input closes.
SLEEPER = "import sys; print('up', flush=True); sys.stdin.read()"


@contextmanager
def sleeper(*fds: int):
    """A process that holds the given descriptors until the end of the block."""
    child = subprocess.Popen(
        [sys.executable, "-S", "-c", SLEEPER],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        pass_fds=fds,
    )
    try:
        assert child.stdout.readline() == b"up\n"
        yield child
    finally:
        child.kill()
        child.wait()
        child.stdin.close()
        child.stdout.close()


def gone_process() -> ProcessIdentity:
    """The identity of a process that ran and has ended."""
    with sleeper() as child:
        return ProcessIdentity.of(child.pid)


def server(coordinator: ProcessIdentity, *children: ProcessIdentity) -> ServerFile:
    return ServerFile(
        pid=coordinator.pid,
        start_time=coordinator.start_time,
        version="0.1.0",
        url="http://127.0.0.1:8787",
        control="/nowhere/control.sock",
        mode="serve",
        children=children,
    )


class SteppedClock:
    """A clock that moves only when somebody sleeps on it."""

    def __init__(self) -> None:
        self.time = 100.0

    def now(self) -> float:
        return self.time

    def monotonic(self) -> float:
        return self.time

    def sleep(self, seconds: float) -> None:
        self.time += seconds


def test_a_free_folder_is_locked_at_once(tmp_path):
    """Nobody waits for a lock that nobody holds."""
    with FolderLock.acquire(tmp_path) as lock:
        assert lock.fd >= 0
        assert lock.ended == ()


def test_a_living_server_is_named(tmp_path):
    """A second start learns the pid, the folder and the command that shows the server."""
    with FolderLock.acquire(tmp_path):
        server(ProcessIdentity.of(os.getpid())).write(tmp_path)
        with pytest.raises(FolderInUseError) as refused:
            FolderLock.acquire(tmp_path)
    assert str(os.getpid()) in refused.value.message
    assert str(tmp_path) in refused.value.message
    assert "sourdough status" in refused.value.hint
    assert refused.value.exit_code == 5


def test_a_child_keeps_the_lock_of_its_dead_parent(tmp_path):
    """The lock is free only when the last process that inherited it is gone."""
    lock = FolderLock.acquire(tmp_path)
    with sleeper(lock.fd):
        lock.release()
        clock = SteppedClock()
        with pytest.raises(FolderInUseError):
            FolderLock.acquire(tmp_path, clock=clock, sleep=clock.sleep)
    FolderLock.acquire(tmp_path).release()


def test_the_descriptor_reaches_only_children_that_are_given_it(tmp_path):
    """A process that was started for something else does not hold the folder (invariant P3)."""
    lock = FolderLock.acquire(tmp_path)
    assert not os.get_inheritable(lock.fd)
    with sleeper():
        lock.release()
        FolderLock.acquire(tmp_path, wait_seconds=0).release()


def test_leftovers_of_a_dead_coordinator_are_ended_after_the_wait(tmp_path):
    """A recorded child that outlived its coordinator is killed, and reported."""
    lock = FolderLock.acquire(tmp_path)
    with sleeper(lock.fd) as child:
        leftover = ProcessIdentity.of(child.pid)
        server(gone_process(), leftover).write(tmp_path)
        lock.release()
        with FolderLock.acquire(tmp_path, wait_seconds=0.2) as taken:
            assert taken.ended == (leftover,)
        assert child.wait() == -signal.SIGKILL


def test_a_leftover_that_ends_in_time_is_not_killed(tmp_path):
    """Children flush and exit by themselves; the new server waits for that."""
    lock = FolderLock.acquire(tmp_path)
    with sleeper(lock.fd) as child:
        server(gone_process(), ProcessIdentity.of(child.pid)).write(tmp_path)
        lock.release()
        polls = []

        def sleep(seconds):
            polls.append(seconds)
            if len(polls) == 3:
                child.stdin.close()
                child.wait()

        with FolderLock.acquire(tmp_path, sleep=sleep) as taken:
            assert taken.ended == ()
        assert child.returncode == 0
        assert polls == [0.05] * 3


def test_a_process_with_a_recycled_pid_is_spared(tmp_path):
    """Start times are compared: a stranger that got the pid of a leftover lives on."""
    lock = FolderLock.acquire(tmp_path)
    with sleeper(lock.fd) as stranger:
        impostor = ProcessIdentity(stranger.pid, "1@another-boot")
        server(gone_process(), impostor).write(tmp_path)
        lock.release()
        clock = SteppedClock()
        with pytest.raises(FolderInUseError, match="Another process"):
            FolderLock.acquire(tmp_path, clock=clock, sleep=clock.sleep)
        assert clock.time == pytest.approx(103.0, abs=0.1)
        assert stranger.poll() is None


def test_a_server_that_wins_the_race_is_named_without_further_wait(tmp_path):
    """Who waits for leftovers sees that somebody else took the folder meanwhile."""
    with FolderLock.acquire(tmp_path):
        server(gone_process()).write(tmp_path)

        def other_starts(_seconds):
            server(ProcessIdentity.of(os.getpid())).write(tmp_path)

        with pytest.raises(FolderInUseError, match=str(os.getpid())):
            FolderLock.acquire(tmp_path, sleep=other_starts)


async def test_an_event_loop_goes_on_while_it_waits(tmp_path):
    """The wait for a lock is made of short sleeps of the loop."""
    held = FolderLock.acquire(tmp_path)
    waiting = asyncio.create_task(FolderLock.acquire_on_loop(tmp_path, sleep=asyncio.sleep))
    await asyncio.sleep(0)
    assert not waiting.done()
    held.release()
    (await waiting).release()


def test_a_lock_file_that_was_replaced_is_locked_anew(tmp_path, monkeypatch):
    """A lock on a file that nobody else will ever open excludes nobody."""
    replaced = []
    flock = fcntl.flock

    def replace_then_flock(fd, operation):
        if not replaced:
            (tmp_path / "lock").unlink()
            (tmp_path / "lock").touch()
            replaced.append(fd)
        flock(fd, operation)

    monkeypatch.setattr(fcntl, "flock", replace_then_flock)
    with FolderLock.acquire(tmp_path, sleep=lambda _: None) as lock:
        assert os.fstat(lock.fd).st_ino == (tmp_path / "lock").stat().st_ino
    assert replaced


def test_a_folder_that_is_not_there_is_an_error_of_storage(tmp_path):
    """The sentence names the folder and the reason."""
    with pytest.raises(StorageError, match="No such file or directory"):
        FolderLock.acquire(tmp_path / "missing")


def test_releasing_twice_is_harmless(tmp_path):
    """A descriptor is closed once: its number may belong to another file by then."""
    lock = FolderLock.acquire(tmp_path)
    lock.release()
    lock.release()
    assert lock.fd == -1


def test_an_identity_survives_neither_death_nor_a_zombie():
    """A process that ended is gone, reaped or not."""
    with sleeper() as child:
        identity = ProcessIdentity.of(child.pid)
        assert identity.alive
        child.stdin.close()
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
        assert not identity.alive
        identity.kill()
    assert not identity.alive
