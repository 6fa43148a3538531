"""The catalogue on a real disk."""

from __future__ import annotations

import asyncio
import hashlib
import sqlite3

import pytest

from sourdough.coordinator.catalogue import Catalogue, KnownObject, Reconciled
from sourdough.coordinator.catalogue_schema import move_aside
from sourdough.coordinator.objectkey import ObjectKey
from sourdough.errors import StorageError, StorageFormatError


def an_id(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def known(name: str, storage_name: str = "Counter", **rest) -> KnownObject:
    return KnownObject(storage_name=storage_name, id=an_id(name), name=name, **rest)


def key(name: str, storage_name: str = "Counter") -> ObjectKey:
    return ObjectKey(storage_name, an_id(name))


@pytest.fixture
async def opening():
    """Opens catalogues, and closes them whatever becomes of the test: each has a thread."""
    opened = []

    async def open_in(folder):
        opened.append(await Catalogue.open(folder))
        return opened[-1]

    yield open_in
    for each in opened:
        await each.close()


@pytest.fixture
async def catalogue(tmp_path, opening):
    return await opening(tmp_path)


async def test_what_was_added_is_there_after_reopening(tmp_path, opening):
    """Objects, names and times survive the process."""
    first = await opening(tmp_path)
    await first.add([known("a", created=12.5), known("b")])
    await first.close()
    again = await opening(tmp_path)
    assert await again.get(key("a")) == known("a", created=12.5)
    assert await again.count() == 2
    assert again.moved_aside is None
    await again.close()


async def test_a_name_is_learned_and_never_erased(catalogue):
    """An object met without its name keeps the one it had, and its first time (semantics 1.13)."""
    nameless = KnownObject(storage_name="Counter", id=an_id("a"), created=1.0)
    await catalogue.add([nameless])
    await catalogue.add([known("a", created=2.0)])
    await catalogue.add([nameless])
    assert await catalogue.get(key("a")) == known("a", created=1.0)
    assert await catalogue.count() == 1


async def test_counts_follow_every_change(catalogue):
    """Adding twice counts once, removing what is not there counts nothing."""
    await catalogue.add([known("a"), known("a"), known("b"), known("a", "Room")])
    assert [await catalogue.count(each) for each in (None, "Counter", "Room", "No")] == [3, 2, 1, 0]
    await catalogue.remove([key("a"), key("never")])
    assert [await catalogue.count(each) for each in (None, "Counter", "Room")] == [2, 1, 1]


async def test_a_name_is_found_in_every_namespace(catalogue):
    """The same name may belong to objects of several classes."""
    await catalogue.add([known("a"), known("a", "Room"), known("ab")])
    found = await catalogue.find_by_name("a")
    assert {(each.storage_name, each.name) for each in found} == {("Counter", "a"), ("Room", "a")}
    assert await catalogue.find_by_name("A") == []


@pytest.mark.parametrize("digits", [8, 9, 63, 64])
async def test_a_prefix_of_any_length_finds_its_id(catalogue, digits):
    """Odd numbers of digits end in the middle of a byte."""
    await catalogue.add([known(str(n)) for n in range(50)])
    assert await catalogue.find_by_prefix(an_id("7")[:digits]) == [known("7")]
    assert await catalogue.find_by_prefix("0" * digits) == []


async def test_a_search_is_bounded(catalogue):
    """A prefix that fits thousands returns a handful."""
    await catalogue.add([KnownObject(storage_name="Counter", id=f"{n:064x}") for n in range(5_000)])
    assert len(await catalogue.find_by_prefix("0" * 8)) == 20


@pytest.mark.parametrize("storage_name", ["Counter", None])
async def test_pages_follow_each_other_without_gaps(catalogue, storage_name):
    """Walking by key meets every object once, in order."""
    objects = [known(str(n), space) for space in ("Counter", "Room") for n in range(25)]
    await catalogue.add(objects)
    seen, after = [], None
    while page := await catalogue.page(storage_name, after, 7):
        seen += page
        after = page[-1].key
    expected = [each for each in objects if storage_name in {None, each.storage_name}]
    assert [each.key for each in seen] == sorted(each.key for each in expected)


async def test_every_search_walks_an_index(catalogue, tmp_path):
    """No question reads a whole table, however many objects there are."""
    await catalogue.add([known("a")])
    traced = []
    await catalogue._connection.set_trace_callback(traced.append)
    await catalogue.page("Counter", None, 5)
    await catalogue.page("Counter", key("a"), 5)
    await catalogue.page(None, key("a"), 5)
    await catalogue.find_by_name("a")
    await catalogue.find_by_prefix("00000000")
    await catalogue.nearest("b", "Counter")
    await catalogue.unread(5)
    await catalogue._connection.set_trace_callback(None)
    plans = []
    with sqlite3.connect(tmp_path / "catalogue.sqlite") as reader:
        for sql in traced:
            plans += [row[3] for row in reader.execute(f"EXPLAIN QUERY PLAN {sql}")]
    reader.close()
    of_objects = [plan for plan in plans if " objects" in plan]
    assert len(of_objects) == 8
    assert [plan for plan in of_objects if "SCAN" in plan and "objects_unread" not in plan] == []
    assert [plan for plan in plans if "TEMP B-TREE" in plan] == []


async def test_near_names_are_found_among_many(catalogue):
    """A slip of the finger is answered with what was meant."""
    await catalogue.add([known(f"room-{n}") for n in range(2_000)])
    await catalogue.add([known("lobby"), known("lobby-2", "Room")])
    assert await catalogue.nearest("loby", None) == ["lobby", "lobby-2"]
    assert await catalogue.nearest("loby", "Counter") == ["lobby"]
    assert await catalogue.nearest("x", "Nowhere") == []


async def test_the_disk_is_right(catalogue):
    """Objects on disk are added, others forgotten, and known names kept."""
    await catalogue.add([known("a"), known("vanished")])
    result = await catalogue.reconcile(lambda: [key("a"), key("new"), key("new", "Room")])
    assert result == Reconciled(added=2, forgotten=1)
    assert await catalogue.get(key("a")) == known("a")
    assert await catalogue.get(key("vanished")) is None
    assert await catalogue.unread(10) == sorted([key("new"), key("new", "Room")])
    assert await catalogue.reconcile(lambda: [key("a"), key("new"), key("new", "Room")]) == (
        Reconciled(added=0, forgotten=0)
    )


async def test_unread_names_wait_until_they_are_read(tmp_path, opening):
    """A restart in between loses nothing; an object without a name counts as read, too."""
    first = await opening(tmp_path)
    await first.reconcile(lambda: [key("a"), key("b")])
    await first.close()
    again = await opening(tmp_path)
    assert set(await again.unread(10)) == {key("a"), key("b")}
    await again.add([known("a"), KnownObject(storage_name="Counter", id=an_id("b"))])
    assert await again.unread(10) == []
    await again.close()


async def test_objects_that_come_and_go_during_a_scan_are_kept_right(catalogue):
    """A scan is old when it ends: what was added or removed meanwhile wins."""
    loop = asyncio.get_running_loop()
    await catalogue.add([known("goes")])

    async def change():
        await catalogue.add([known("comes")])
        await catalogue.remove([key("goes")])

    def scan():
        found = [key("stays"), key("goes")]
        asyncio.run_coroutine_threadsafe(change(), loop).result()
        return found

    await catalogue.reconcile(scan)
    assert await catalogue.get(key("comes")) == known("comes")
    assert await catalogue.get(key("goes")) is None
    assert await catalogue.get(key("stays")) is not None


async def test_a_scan_that_fails_leaves_the_catalogue_alone(catalogue):
    """Nothing is forgotten because the disk could not be read to its end."""
    await catalogue.add([known("a")])

    def failing():
        yield from (key(f"half{n}") for n in range(6_000))
        raise OSError("input/output error")

    with pytest.raises(OSError, match="input/output"):
        await catalogue.reconcile(failing)
    assert await catalogue.get(key("a")) is not None
    assert await catalogue.reconcile(lambda: [key("a")]) == Reconciled(added=0, forgotten=0)


async def test_a_batch_is_added_whole_or_not(catalogue):
    """An impossible row takes its batch with it, and the next batch is fine."""
    with pytest.raises(sqlite3.Error):
        await catalogue.add([known("a"), KnownObject(storage_name=None, id=an_id("b"))])
    assert await catalogue.count() == 0
    await catalogue.add([known("c")])
    assert await catalogue.count() == 1


async def test_a_cancelled_write_leaves_no_open_transaction(catalogue):
    """Whoever waits for the catalogue may stop waiting at any moment."""
    for turns in range(12):
        writing = asyncio.create_task(catalogue.add([known(f"x{turns}")]))
        for _ in range(turns):
            await asyncio.sleep(0)
        writing.cancel()
        await asyncio.gather(writing, return_exceptions=True)
        await catalogue.add([known("after")])
        assert await catalogue.get(key("after")) is not None


@pytest.mark.parametrize(
    "content", [b"not a database at all" * 100, b"SQLite format 3\0" + b"\xff" * 5000]
)
async def test_a_damaged_file_is_moved_aside_and_made_anew(tmp_path, opening, content):
    """A catalogue that cannot be read is replaced; the old one stays for who wants to look."""
    (tmp_path / "catalogue.sqlite").write_bytes(content)
    (tmp_path / "catalogue.sqlite-wal").write_bytes(b"old")
    catalogue = await opening(tmp_path)
    assert catalogue.moved_aside == tmp_path / "catalogue.sqlite.damaged-1"
    assert catalogue.moved_aside.read_bytes() == content
    assert await catalogue.count() == 0
    assert await catalogue.reconcile(lambda: [key("a")]) == Reconciled(added=1, forgotten=0)
    await catalogue.close()


async def test_damage_inside_is_met_by_the_comparison_and_repaired(tmp_path, opening):
    """A page that is broken in the middle is found when all are read."""
    catalogue = await opening(tmp_path)
    objects = [known(str(n)) for n in range(3_000)]
    await catalogue.add(objects)
    await catalogue.close()
    file = tmp_path / "catalogue.sqlite"
    with file.open("r+b") as damaged:
        damaged.seek(20 * 4096)
        damaged.write(b"\xa5" * 4096 * 30)
    again = await opening(tmp_path)
    result = await again.reconcile(lambda: [each.key for each in objects])
    assert result == Reconciled(added=3_000, forgotten=0)
    assert again.moved_aside is not None
    assert await again.count() == 3_000
    await again.close()


async def test_a_newer_format_is_refused(tmp_path, opening):
    """A catalogue of a newer version is neither read nor replaced (invariant S14)."""
    await (await opening(tmp_path)).close()
    with sqlite3.connect(tmp_path / "catalogue.sqlite") as newer:
        newer.execute("PRAGMA user_version = 4")
    newer.close()
    with pytest.raises(StorageFormatError, match="format 4"):
        await opening(tmp_path)


@pytest.mark.parametrize("version", [0, 1])
async def test_another_database_is_not_overwritten(tmp_path, opening, version):
    """A file that is no catalogue is left to its owner."""
    with sqlite3.connect(tmp_path / "catalogue.sqlite") as other:
        other.execute("CREATE TABLE mine (x)")
        other.execute(f"PRAGMA user_version = {version}")
    other.close()
    with pytest.raises(StorageError, match="not a catalogue"):
        await opening(tmp_path)


async def test_a_folder_that_is_not_there_is_an_error_of_storage(tmp_path, opening):
    """The sentence names the file."""
    with pytest.raises(StorageError, match=r"catalogue\.sqlite"):
        await opening(tmp_path / "missing")


def test_what_sqlite_keeps_beside_a_file_moves_with_it(tmp_path):
    """An old -wal would otherwise be replayed into the new catalogue."""
    for _ in range(2):
        for suffix in ("", "-wal", "-shm"):
            (tmp_path / f"c{suffix}").write_text(suffix)
        move_aside(tmp_path / "c")
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == sorted(
        f"c.damaged-{number}{suffix}" for number in (1, 2) for suffix in ("", "-wal", "-shm")
    )
