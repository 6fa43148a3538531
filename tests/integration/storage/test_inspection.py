"""What can be seen of one object, live and offline; looking changes nothing."""

from __future__ import annotations

import hashlib

import msgspec
import pytest

from sourdough.errors import StorageError, StorageFormatError
from sourdough.storage import offline
from sourdough.storage.inspection import report
from sourdough.storage.layout import SUFFIX


async def filled(world, label="a", name="room"):
    """An object with entries, a table, a full-text index and an r-tree."""
    database = world.database(label, name=name)
    storage = database.storage
    await storage.put({"n": 5, "list": [1, 2], "long": "x" * 1000})
    storage.sql.exec("CREATE TABLE notes(id INTEGER PRIMARY KEY, body TEXT NOT NULL, at REAL)")
    storage.sql.exec("INSERT INTO notes VALUES(1, 'one', 0.5), (2, 'two', NULL)")
    storage.sql.exec("CREATE VIRTUAL TABLE search USING fts5(title, body)")
    storage.sql.exec("INSERT INTO search VALUES('a', 'b')")
    storage.sql.exec("CREATE VIRTUAL TABLE boxes USING rtree(id, x0, x1)")
    await database.sync()
    return database


async def test_a_report_shows_everything_of_the_user_and_nothing_of_ours(world):
    """Meta, entries with types and sizes, tables with columns; no shadow tables."""
    database = await filled(world)
    seen = report(database.connection(), world.path())
    assert (seen.storage_name, seen.class_name, seen.name) == ("Counter", "Counter", "room")
    assert seen.id == hashlib.sha256(b"a").hexdigest()
    assert seen.created == 1_700_000_000
    assert seen.alarm is None
    assert seen.file_size > 0
    assert [(entry.key, entry.type, entry.size) for entry in seen.entries] == [
        ("list", "list", 4),
        ("long", "str", 1004),
        ("n", "int", 2),
    ]
    assert len(seen.entries[1].value) == 200
    assert seen.entries[0].value == "[1, 2]"
    tables = {table.name: table for table in seen.tables}
    assert sorted(tables) == ["boxes", "notes", "search"]
    assert tables["notes"].columns == "id INTEGER PRIMARY KEY, body TEXT NOT NULL, at REAL"
    assert (tables["notes"].kind, tables["notes"].rows) == ("table", 2)
    assert (tables["search"].kind, tables["search"].rows) == ("full-text index of title, body", 1)
    assert tables["boxes"].kind == "virtual"
    assert msgspec.json.decode(msgspec.json.encode(seen), type=type(seen)) == seen


async def test_the_number_of_entries_shown_is_limited(world):
    """The count is that of all entries."""
    database = await filled(world)
    seen = report(database.connection(), world.path(), entry_limit=1)
    assert [entry.key for entry in seen.entries] == ["list"]
    assert seen.entry_count == 3


async def test_an_unreadable_entry_does_not_hide_the_others(world):
    """A damaged or newer value is reported in its place."""
    database = await filled(world)
    database.writing().execute("/*_sd_*/UPDATE _sd_kv SET value = x'07' WHERE key = 'n'")
    seen = report(database.connection(), world.path())
    assert [entry.type for entry in seen.entries] == ["list", "str", "?"]
    assert "format 7" in seen.entries[2].value


async def test_offline_reports_read_the_wal_and_leave_it(world):
    """A file whose last commits are in its WAL is shown with them; no byte changes (S10)."""
    database = await filled(world)
    await database.storage.put("later", 1)
    await database.release()
    before = {path: path.read_bytes() for path in world.path().parent.iterdir()}
    seen = offline.inspect(world.path())
    assert "later" in [entry.key for entry in seen.entries]
    assert seen.wal_size > 0
    assert offline.read_name(world.path()) == "room"
    assert {path: path.read_bytes() for path in world.path().parent.iterdir()} == before


async def test_scanning_finds_all_objects_in_order(world):
    """Ids and paths of a namespace; other files are passed over."""
    for label in ("a", "b", "c"):
        await (await filled(world, label)).close()
    (world.path("a").parent / f"notes{SUFFIX}").write_text("not an object")
    found = list(offline.scan(world.folder, "Counter"))
    assert [raw for raw, _ in found] == sorted(
        hashlib.sha256(label.encode()).digest() for label in ("a", "b", "c")
    )
    assert {path for _, path in found} == {world.path(label) for label in ("a", "b", "c")}
    assert list(offline.scan(world.folder, "Nobody")) == []


async def test_offline_refusals_name_the_file(world):
    """No object, a foreign database and a newer format are told apart."""
    with pytest.raises(StorageError, match="no such object"):
        offline.inspect(world.path())
    await (await filled(world)).close()
    import apsw

    for pragma, error, text in (
        ("user_version=9", StorageFormatError, "format 9"),
        ("application_id=5", StorageError, "not the database of a Durable Object"),
    ):
        connection = apsw.Connection(str(world.path()))
        connection.execute(f"PRAGMA {pragma}")
        connection.close()
        with pytest.raises(error, match=text):
            offline.inspect(world.path())
