"""Objects in a program: the hosts are real processes, the program is this test."""

from __future__ import annotations

import asyncio
import importlib.util
import logging
import os
import resource
import signal
import sys

import pytest

from sourdough import (
    ClusterCoordinator,
    DurableObject,
    DurableObjectError,
    Request,
    SourdoughError,
)
from sourdough.config.fault import ConfigFaults
from sourdough.coordinator.lock import FolderLock
from sourdough.errors import StartError
from tests.integration.library.rooms import Counter, Log, Room


@pytest.fixture(params=[1, 0], ids=["a host", "one process"])
async def coordinator(request, tmp_path):
    """A running coordinator that knows two classes."""
    async with ClusterCoordinator(
        host_count=request.param,
        storage_dir=tmp_path / "data",
        durable_objects={"COUNTER": Counter, "LOG": Log},
    ) as running:
        yield running


@pytest.fixture
async def hosts(tmp_path):
    """A running coordinator with a host in a process of its own."""
    async with ClusterCoordinator(
        host_count=1, storage_dir=tmp_path / "data", durable_objects={"COUNTER": Counter}
    ) as running:
        yield running


async def test_a_program_uses_objects(coordinator):
    """By name and by id, by calls and by requests; classes that were not named are added."""
    counter = coordinator.get("a", Counter)
    assert [await counter.increment(), await counter.increment(5)] == [1, 6]
    assert await coordinator.get("a", Counter).increment() == 7
    fresh = coordinator.namespace(Counter).new_unique_id()
    assert await coordinator.get(fresh, Counter).increment() == 1
    with pytest.raises(ValueError, match="on purpose"):
        await counter.fail()
    assert await coordinator.get("l", Log).count_elsewhere("a") == 8
    # Room is new to the hosts, and what they kept is kept.
    response = await coordinator.get("r", Room).fetch(Request("/somewhere?x=1"))
    assert (response.status, (await response.json())["name"]) == (200, "r")
    assert await counter.increment() == 9


async def test_things_pass_by_reference(coordinator):
    """A function of the program is called in the program, a generator of an object is read here."""

    async def place(number):
        return [number, os.getpid()]

    log = coordinator.get("l", Log)
    assert await log.ask(place, 2) == [[0, os.getpid()], [1, os.getpid()]]
    assert [number async for number in await log.upto(3)] == [0, 1, 2]


async def test_calls_of_a_stub_arrive_in_order(coordinator):
    """Also those that are made before the first is answered, and before anything runs the class."""
    log = coordinator.get("l", Log)
    await asyncio.gather(*(log.append(number) for number in range(1000)))
    assert await log.all() == list(range(1000))


async def test_calls_wait_in_order_for_the_hosts_to_start(tmp_path):
    """Without any class the hosts start with the first call; none overtakes it."""
    async with ClusterCoordinator(host_count=0, storage_dir=tmp_path) as coordinator:
        log = coordinator.get("l", Log)
        await asyncio.gather(*(log.append(number) for number in range(100)))
        assert await log.all() == list(range(100))


async def test_hosts_are_other_processes_and_what_they_kept_is_kept(tmp_path):
    """Objects run in the hosts, both of them are used, and the next start finds the data."""
    for expected in (1, 2):
        async with ClusterCoordinator(host_count=2, storage_dir=tmp_path) as coordinator:
            names = [f"n{number}" for number in range(12)]
            values = [await coordinator.get(name, Counter).increment() for name in names]
            pids = {await coordinator.get(name, Counter).pid() for name in names}
            there = await coordinator.get("n0", Counter).neighbour("n5")
        assert values == [expected] * len(names)
        assert len(pids) == 2
        assert there == expected
        assert os.getpid() not in pids
        assert not any(_is_running(pid) for pid in pids)


async def test_a_host_that_is_killed_fails_the_call_and_nothing_else(hosts):
    """What was in flight is told with `retryable`; a new stub reaches the next host."""
    counter = hosts.get("a", Counter)
    await counter.increment()
    pid = await counter.pid()
    call = asyncio.ensure_future(counter.sleep(30))
    await hosts.get("a", Counter).pid()  # behind it: the call is there
    os.kill(pid, signal.SIGKILL)
    with pytest.raises(DurableObjectError) as failed:
        await call
    assert failed.value.retryable
    again = hosts.get("a", Counter)
    assert await again.increment() == 2
    assert await again.pid() != pid


async def test_leaving_lets_running_calls_end(tmp_path):
    """What is in flight at the end of the block is answered."""
    async with ClusterCoordinator(host_count=1, storage_dir=tmp_path) as coordinator:
        await coordinator.get("a", Counter).increment()
        call = asyncio.ensure_future(coordinator.get("a", Counter).sleep(0.2))
        await coordinator.get("a", Counter).pid()
    assert await call == "slept"


async def test_without_hosts_the_objects_are_of_the_classes_at_hand(tmp_path):
    """`host_count=0` imports nothing: a class in a function works, and shares its variables."""
    seen = []

    class Local(DurableObject):
        async def note(self, text):
            seen.append(text)
            return os.getpid()

    async with ClusterCoordinator(host_count=0, storage_dir=tmp_path) as coordinator:
        assert await coordinator.get("a", Local).note("here") == os.getpid()
    assert seen == ["here"]


async def test_a_class_that_is_used_later_is_not_called_lost(tmp_path, caplog):
    """A program need not name its classes, so one that it has not used yet is no reason to warn."""
    options = {"host_count": 0, "storage_dir": tmp_path / "data"}
    async with ClusterCoordinator(**options) as coordinator:
        await coordinator.get("a", Counter).increment()
    async with ClusterCoordinator(**options) as coordinator:
        await coordinator.get("a", Log).append(1)
        assert await coordinator.get("a", Counter).increment() == 2
    assert "on the disk" not in caplog.text


async def test_nothing_of_the_program_is_changed(tmp_path):
    """Signal handlers, event loops, logging and the limit of descriptors stay the program's."""

    def state():
        handlers = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
        root, loop = logging.getLogger(), asyncio.new_event_loop()
        loop.close()
        descriptors = resource.getrlimit(resource.RLIMIT_NOFILE)
        return handlers, type(loop), list(root.handlers), root.level, descriptors

    before = state()
    async with ClusterCoordinator(host_count=0, storage_dir=tmp_path) as coordinator:
        await coordinator.get("a", Counter).increment()
        assert state() == before
    assert state() == before


async def test_what_objects_print_and_log_reaches_the_program(hosts, capsys):
    """Lines of the hosts' standard streams appear on those of the program."""
    await hosts.get("a", Counter).say("a line of an object")
    async with asyncio.timeout(5):
        printed = capsys.readouterr()
        while "a line of an object" not in printed.out or "a line" not in printed.err:
            await asyncio.sleep(0.01)
            more = capsys.readouterr()
            printed = type(printed)(printed.out + more.out, printed.err + more.err)


async def test_code_that_hosts_cannot_load_is_told_at_the_start(tmp_path, monkeypatch):
    """The place and the hint of the fault are those of `sourdough serve`."""
    module = _module(tmp_path, "class Fine(DurableObject): ...", monkeypatch)
    (tmp_path / "written.py").write_text("import nothing_of_this_name\n")
    coordinator = ClusterCoordinator(
        host_count=1, storage_dir=tmp_path / "data", durable_objects={"FINE": module.Fine}
    )
    with pytest.raises(StartError, match="nothing_of_this_name") as failed:
        await coordinator.start()
    assert "written" in (failed.value.place or "")
    assert "pip install" in (failed.value.hint or "")


async def test_a_class_that_does_not_load_later_harms_no_other(hosts, tmp_path, monkeypatch):
    """The call is told; the hosts go on with the classes they have, and take other new ones."""
    module = _module(tmp_path, "class Fine(DurableObject): ...", monkeypatch)
    (tmp_path / "written.py").write_text("raise RuntimeError('not in a host')\n")
    counter = hosts.get("a", Counter)
    await counter.increment()
    for _ in range(2):
        with pytest.raises(StartError, match="not in a host"):
            await hosts.get("x", module.Fine).anything()
    assert await counter.increment() == 2
    assert await hosts.get("l", Log).count_elsewhere("a") == 3


def test_wrong_options_are_faults_of_the_configuration(tmp_path):
    """By the names and the rules of sourdough.toml, all of them at once."""
    with pytest.raises(ConfigFaults) as failed:
        ClusterCoordinator(
            host_count=-1,
            storage_dir=tmp_path,
            durability="perhaps",
            limits={"park_timout": 3},
        )
    fields = [fault.field for fault in failed.value.faults]
    assert fields == ["host_count", "storage.durability", "limits.park_timout"]
    assert "did you mean" in failed.value.message


@pytest.mark.parametrize("wrong", [object(), dict, DurableObjectError])
def test_what_is_no_class_of_objects_is_refused(tmp_path, wrong):
    """At once, not when a host fails."""
    coordinator = ClusterCoordinator(storage_dir=tmp_path)
    with pytest.raises(TypeError, match="DurableObject"):
        coordinator.get("a", wrong)


def test_a_module_that_hides_another_is_refused(tmp_path, monkeypatch):
    """By the rule of the configuration; what is refused once is in nobody's way."""
    module = _module(tmp_path, "class Fine(DurableObject): ...", monkeypatch)
    monkeypatch.setattr(module.Fine, "__module__", "random")
    coordinator = ClusterCoordinator(storage_dir=tmp_path / "data")
    for _ in range(2):
        with pytest.raises(ConfigFaults, match="standard library"):
            coordinator.get("a", module.Fine)
    coordinator.get("a", Counter)


def test_a_class_that_hosts_cannot_import_is_refused(tmp_path):
    """A class in a function has no place in a module."""

    class Local(DurableObject):
        pass

    coordinator = ClusterCoordinator(storage_dir=tmp_path)
    with pytest.raises(ConfigFaults, match="host_count=0"):
        coordinator.get("a", Local)


def test_two_classes_of_one_name_are_refused(tmp_path):
    """They would share their objects."""

    def make():
        class Twin(DurableObject):
            pass

        return Twin

    coordinator = ClusterCoordinator(host_count=0, storage_dir=tmp_path)
    coordinator.namespace(make())
    with pytest.raises(ConfigFaults, match="another class of this name"):
        coordinator.namespace(make())


async def test_outside_of_its_block_a_coordinator_says_so(tmp_path):
    """A stub may be made at any time; a call needs the hosts. It starts once at a time."""
    coordinator = ClusterCoordinator(host_count=0, storage_dir=tmp_path)
    stub = coordinator.get("a", Counter)
    with pytest.raises(SourdoughError, match="not running"):
        await stub.increment()
    for expected in (1, 2):
        async with coordinator:
            assert await stub.increment() == expected
            with pytest.raises(SourdoughError, match="already"):
                await coordinator.start()
    with pytest.raises(SourdoughError, match="not running"):
        await stub.increment()


async def test_a_start_that_waits_for_the_folder_can_be_given_up(tmp_path):
    """Something that is no server holds its lock; nothing stays behind of the try."""
    coordinator = ClusterCoordinator(
        host_count=0, storage_dir=tmp_path, durable_objects={"COUNTER": Counter}
    )
    with FolderLock.acquire(tmp_path), pytest.raises(TimeoutError):
        async with asyncio.timeout(0.2):
            await coordinator.start()
    async with coordinator:
        assert await coordinator.get("a", Counter).increment() == 1


def test_ids_of_another_class_are_refused(tmp_path):
    """As `env.NAME.get` does."""
    coordinator = ClusterCoordinator(storage_dir=tmp_path)
    other = coordinator.namespace(Log).new_unique_id()
    with pytest.raises(TypeError, match="not valid"):
        coordinator.get(other, Counter)


def _module(folder, text, monkeypatch):
    """Write a module and import it here; hosts import it on their own."""
    file = folder / "written.py"
    file.write_text(f"from sourdough import DurableObject\n{text}\n")
    spec = importlib.util.spec_from_file_location("written", file)
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "written", module)
    spec.loader.exec_module(module)
    return module


def _is_running(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
