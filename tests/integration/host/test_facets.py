"""Facets over real databases, with either engine: what is durable, what is removed, who waits."""

from __future__ import annotations

import asyncio
import logging
import shutil
import sqlite3
import threading

import msgspec
import pytest

from sourdough.config.model import Limits
from sourdough.host.questions import Looked
from sourdough.storage.journal import big
from sourdough.storage.journal.pages import copy_pages
from sourdough.storage.journal.recovery import prepare_storage
from sourdough.values import encode
from sourdough.wire.heads import Kind
from sourdough.wire.messages import Answer, Ask, Released
from tests.integration.host.conftest import NAME
from tests.integration.host.nests import Early, Leaving, Thing


@pytest.fixture(params=["journal", "wal"])
def engine(request):
    """What makes commits durable."""
    return request.param


@pytest.fixture
def nest(engine, cluster, tmp_path):
    """Begin a host on the folder of the test; again, when it was closed, the next one."""
    Thing.done, Thing.written = asyncio.Event(), asyncio.Event()

    def begin(engine=engine, cls=Thing, **options):
        prepare_storage(tmp_path, engine)
        return cluster(cls, hosts=1, **options)

    return begin


def stub(made):
    return made.stub("n", seat=1)


def files(folder) -> list[str]:
    """Return the databases of facets, by their numbers."""
    names = [path.name.partition(".")[2] for path in folder.glob(f"{NAME}/*/*.sqlite")]
    return sorted(name.removesuffix(".sqlite") for name in names if name != "sqlite")


def registry(made):
    return made.host(1).host.registry


def answer(made, what, **fields) -> Answer:
    """Ask the host as the coordinator does."""
    raw = made.ids.from_name("n").raw
    made.host(1).receive(Ask(number=1, what=what, namespace=NAME, id=raw, **fields))
    return made.told["h1"].last(Answer)


async def test_facets_are_there_in_the_next_life(nest, tmp_path):
    """Each in a file beside its object's, also when commits are kept in the other way then."""
    made = nest()
    await stub(made).facet(["a", "b", "c"], "set", 3)
    await stub(made).both(1)
    assert files(tmp_path) == ["1", "1.1", "1.1.1"]
    for engine in ("wal", "journal"):
        await made.close()
        made = nest(engine)
        assert await stub(made).facet(["a", "b", "c"], "value") == 3
        assert await stub(made).values() == [1, 1]


async def test_a_facet_that_a_constructor_begins_has_an_object(nest):
    """Which is there from then on, though what constructors alone write is not kept."""
    made = nest(cls=Early)
    await stub(made).look()
    await made.close()
    made = nest()
    assert await stub(made).facet(["a"], "value") == "from the constructor"


async def test_an_answer_waits_for_the_facet_that_it_has_asked(nest):
    """It leaves when the commits of both are durable (invariant S1)."""
    made = nest()
    await stub(made).both(0)
    go = hold_syncs(made)
    body = encode(((["a"], "set", 1), {}))
    client = made.client("n", kind=Kind.CALL, method=b"facet", body=body)
    facet = next(iter(registry(made)._facets)).database
    await made.until(lambda: facet.pending)
    await asyncio.sleep(0.02)
    assert not client.ended.is_set()
    go.set()
    assert (await client.answer())[0] == 0


def hold_syncs(made) -> threading.Event:
    """Have the disk wait for what is returned."""
    go = threading.Event()
    engine = made.host(1)._engines.of("disk")
    if engine.order is None:
        sync = engine.sync
        engine.sync = lambda fd: sync(fd) if go.wait(10) else None
        return go
    work = engine.journal._work
    engine.journal._work = lambda batch: work(batch) if not batch.sync or go.wait(10) else None
    engine.journal.pace = InThreads()
    return go


class InThreads:
    """A pace that never syncs on the loop."""

    inline = False

    def took(self, seconds): ...


async def test_the_files_of_a_deleted_facet_go(nest, tmp_path):
    """With those below it, and no others."""
    made = nest()
    for names in (["a"], ["a", "b"], ["c"], ["c", "d"]):
        await stub(made).facet(names, "set", 1)
    await stub(made).deletes("a")
    await made.until(lambda: files(tmp_path) == ["2", "2.1"])
    await stub(made).facet(["a", "b"], "set", 2)
    assert await stub(made).facet(["a"], "value") is None
    await stub(made).empties()
    await made.until(lambda: files(tmp_path) == [])


async def test_the_last_words_of_an_object_may_delete_a_facet(nest, caplog):
    """Without an error in the log; what is left of the files is removed by the next instance."""
    made = nest(cls=Leaving)
    await stub(made).facet(["a", "b"], "set", 1)
    with caplog.at_level(logging.ERROR, logger="sourdough"):
        await made.release(1, deadline=5)
        await made.until(lambda: made.told["h1"].last(Released) is not None)
    assert caplog.messages == []
    await made.close()
    made = nest(cls=Leaving)
    assert await stub(made).facet(["a"], "value") is None


async def test_a_clone_is_of_one_moment(nest, tmp_path):
    """What is written while it is made is not in it; what was there before is removed."""
    made = nest()
    await stub(made).facet(["z", "y"], "set", 1)
    await stub(made).clones_what_changes()
    assert await stub(made).facet(["z"], "value") == "before"
    assert await stub(made).facet(["a"], "value") == "after"
    await made.until(lambda: files(tmp_path) == ["3", "4"])


@pytest.mark.parametrize("engine", ["journal"], indirect=True)
async def test_what_a_crash_has_left_of_a_deletion_is_removed(nest, tmp_path):
    """The name is gone and the file is not: the next instance that has to do with facets does it."""
    made = nest()
    for names in (["a"], ["a", "b"], ["c"]):
        await stub(made).facet(names, "set", 1)
    await made.close()
    [path] = [each for each in tmp_path.glob(f"{NAME}/*/*.sqlite") if each.name.count(".") == 1]
    connection = sqlite3.connect(path)
    connection.execute("UPDATE _sd_facets SET name = NULL WHERE name = 'a'")
    connection.commit()
    connection.close()
    made = nest()
    assert files(tmp_path) == ["1", "1.1", "2"]
    await stub(made).look()
    await made.until(lambda: files(tmp_path) == ["2"])


@pytest.mark.parametrize("engine", ["journal"], indirect=True)
async def test_a_new_facet_never_finds_what_an_earlier_object_has_left(nest, tmp_path):
    """A removal that a crash has cut short leaves files without their object."""
    made = nest()
    for names in (["a"], ["a", "b"]):
        await stub(made).facet(names, "set", "of the past")
    await made.close()
    kept = {path: path.read_bytes() for path in tmp_path.glob(f"{NAME}/*/*.*.sqlite")}
    shutil.rmtree(tmp_path / NAME)
    for path, data in kept.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    made = nest()
    assert await stub(made).facet(["x"], "value") is None
    assert await stub(made).facet(["x", "y"], "value") is None


async def test_the_removal_of_an_object_takes_its_facets_along(nest, tmp_path):
    """`sourdough rm`, of one that lives."""
    made = nest()
    await stub(made).facet(["a", "b"], "set", 1)
    assert answer(made, "remove").error is None
    assert list(tmp_path.glob(f"{NAME}/*/*.sqlite*")) == []
    assert await stub(made).facet(["a", "b"], "value") is None


@pytest.mark.parametrize("engine", ["journal"], indirect=True)
async def test_inspect_names_the_facets(nest):
    """In the order of their names; one that was deleted is none."""
    made = nest()
    for name in "bac":
        await stub(made).facet([name], "set", 1)
    await stub(made).deletes("c")
    found = msgspec.msgpack.decode(answer(made, "inspect", limit=1).result, type=Looked)
    assert found.report.facets == ("a", "b")


@pytest.mark.parametrize("engine", ["journal"], indirect=True)
async def test_idle_facets_doze_and_live_on(nest):
    """Their databases are closed, their memory stays."""
    made = nest()
    await stub(made).facet(["a"], "set", 1)
    await stub(made).facet(["a"], "count")
    [facet] = registry(made)._facets
    for _ in range(4):
        made.host(1)._engines.awake.look()
        await asyncio.sleep(0)
    assert facet.database._dozes
    assert [await stub(made).facet(["a"], each) for each in ("count", "value")] == [2, 1]


@pytest.mark.parametrize("engine", ["journal"], indirect=True)
async def test_facets_leave_memory_with_their_object(nest):
    """Not before, and not while one of them has anything to do."""
    made = nest(limits=Limits(hibernate_after=10))
    await stub(made).facet(["a", "b"], "set", 1)
    await stub(made).facet(["a", "b"], "works_on")
    made.clock.advance(11)
    registry(made).sweep()
    assert (len(registry(made)), len(registry(made)._facets)) == (1, 2)
    Thing.done.set()
    await made.until(lambda: not any(each.busy for each in registry(made)))
    registry(made).sweep()
    assert len(registry(made)) == 1
    made.clock.advance(11)
    registry(made).sweep()
    await made.until(lambda: not registry(made)._closing)
    assert (len(registry(made)), len(registry(made)._facets)) == (0, 0)
    assert await stub(made).facet(["a", "b"], "value") == 1


@pytest.mark.parametrize("engine", ["journal"], indirect=True)
async def test_a_drain_waits_for_what_a_facet_does(nest):
    """`wait_until` of a facet is work of its object."""
    made = nest()
    await stub(made).facet(["a"], "works_on")
    assert registry(made).works(())
    Thing.done.set()
    await made.until(lambda: not registry(made).works(()))


@pytest.mark.parametrize("engine", ["journal"], indirect=True)
async def test_facets_move_with_their_slot(nest):
    """The next occupant of the seat finds all of them."""
    made = nest()
    await stub(made).both(1)
    await stub(made).facet(["a", "b"], "set", 2)
    await made.release(1, deadline=5.0)
    await made.until(lambda: made.told["h1"].last(Released) is not None)
    made.add(2, 1, 2)
    made.publish()
    assert await stub(made).values() == [1, 1]
    assert await stub(made).facet(["a", "b"], "value") == 2


@pytest.mark.parametrize("engine", ["journal"], indirect=True)
async def test_a_facet_after_a_large_commit_of_its_object(nest):
    """That is copied beside the journal: the facet's number is in it, and is waited for."""
    made = nest()
    await stub(made).much()
    assert await stub(made).facet(["a"], "value") == "after much"


@pytest.mark.parametrize("engine", ["journal"], indirect=True)
async def test_a_facet_may_be_deleted_while_its_large_commit_is_copied(nest, tmp_path, monkeypatch):
    """The thread finds its `-wal`, whenever it comes to that: nothing of this ends the host."""
    held, ended = threading.Event(), threading.Event()

    def late(*args, **options):
        held.wait(0.2)
        try:
            copy_pages(*args, **options)
        finally:
            ended.set()

    monkeypatch.setattr(big, "copy_pages", late)
    made = nest()
    await stub(made).facet(["a"], "set", 1)
    await made.close()
    made = nest()
    await stub(made).deletes_while_much_is_written()
    await made.until(lambda: files(tmp_path) == [])
    await made.until(ended.is_set)
    await asyncio.sleep(0.01)
    assert made.host(1)._engines.of("disk").journal.error is None
    assert await stub(made).facet(["a"], "value") is None
