"""The key-value store, async and sync, over both lives of an object: in memory and in its file."""

from __future__ import annotations

import asyncio

import pytest

from sourdough.errors import StorageError


@pytest.fixture(params=["memory", "file"])
async def storage(request, world):
    """Storage of a new object, or of one that has its file already."""
    database = world.database()
    if request.param == "file":
        await database.storage.put("seed", 1)
        await database.sync()
        await database.storage.delete("seed")
    return database.storage


async def test_entries_come_back(storage):
    """put, get and delete agree; None is a value, not a lack of one."""
    await storage.put("a", {"n": [1, 2]})
    await storage.put("n", None)
    assert await storage.get("a") == {"n": [1, 2]}
    assert await storage.get("n", 5) is None
    assert await storage.get("b", 5) == 5
    assert await storage.delete("a") is True
    assert await storage.delete("a") is False
    assert storage.kv.get("a") is None


async def test_several_keys_at_once(storage):
    """Mappings are put together; get gives the existing ones sorted; delete counts."""
    await storage.put({"b": 2, "a": 1, "c": 3})
    found = await storage.get(["c", "x", "a"])
    assert list(found.items()) == [("a", 1), ("c", 3)]
    assert await storage.delete(["a", "x", "b"]) == 2
    assert await storage.list() == {"c": 3}


async def test_a_mapping_is_put_whole_or_not_at_all(storage):
    """One bad entry, and nothing of the mapping is written."""
    with pytest.raises(TypeError, match="value"):
        await storage.put({"a": 1, "b": object()})
    with pytest.raises(ValueError, match="2048"):
        await storage.put({"a": 1, "k" * 3000: 2})
    assert await storage.list() == {}


async def test_bad_arguments_are_named(storage):
    """Too many keys, missing values and wrong types raise before anything is written."""
    with pytest.raises(ValueError, match=r"Maximum number of key value pairs is 128. 129 pairs"):
        await storage.get([str(n) for n in range(129)])
    with pytest.raises(TypeError, match="without a value"):
        await storage.put("a")
    with pytest.raises(TypeError, match="either a mapping"):
        await storage.put({"a": 1}, 2)
    with pytest.raises(TypeError, match="a key is a str"):
        await storage.get(5)
    with pytest.raises(TypeError, match="a key is a str"):
        await storage.put(b"a", 1)
    with pytest.raises(ValueError, match="takes 17000006 bytes"):
        await storage.put("a", b"x" * 17_000_000)


async def test_lists_are_in_utf8_order_with_exact_ranges(storage):
    """start, start_after, end, prefix, reverse and limit as semantics 5.1 says."""
    keys = [
        "a",
        "a\0",
        "a\0b",
        "b",
        "B",
        "\u00e4",
        "\uffff",
        "\U0001f600",
        "100%_",
        "100%_x",
        "1000",
    ]
    await storage.put(dict.fromkeys(keys, 0))
    ordered = sorted(keys, key=str.encode)
    assert list(await storage.list()) == ordered
    assert list(await storage.list(reverse=True)) == ordered[::-1]
    assert list(await storage.list(prefix="100%_")) == ["100%_", "100%_x"]
    assert list(await storage.list(start="a", end="b")) == ["a", "a\0", "a\0b"]
    assert list(await storage.list(start_after="a", end="b")) == ["a\0", "a\0b"]
    assert list(await storage.list(start="a", reverse=True, limit=2)) == ordered[::-1][:2]
    assert await storage.list(start="b", end="a") == {}
    with pytest.raises(TypeError, match="List limit"):
        await storage.list(limit=0)


async def test_what_is_read_is_a_copy(storage):
    """Changing a stored or a read value changes nothing in the store."""
    value = [1]
    await storage.put("a", value)
    value.append(2)
    (await storage.get("a")).append(3)
    assert await storage.get("a") == [1]


async def test_storage_never_yields(storage):
    """A hundred interleaved read-modify-writes lose nothing: no await inside storage suspends."""

    async def increment() -> None:
        value = await storage.get("n", 0)
        await storage.put("n", value + 1)

    await asyncio.gather(*(increment() for _ in range(100)))
    assert await storage.get("n") == 100


async def test_sync_lists_iterate_in_chunks(storage):
    """kv.list goes over any number of entries in order, both ways, with a limit."""
    await storage.put({f"{n:04}": n for n in range(500)})
    assert [value for _, value in storage.kv.list()] == list(range(500))
    assert [value for _, value in storage.kv.list(reverse=True)] == list(range(499, -1, -1))
    assert [value for _, value in storage.kv.list(limit=300, start="0100")] == list(range(100, 400))


async def test_a_new_sync_list_ends_the_old_one(storage):
    """Only one kv.list iterator lives at a time (5.2)."""
    await storage.put({"a": 1, "b": 2, "c": 3})
    old = storage.kv.list()
    assert next(old) == ("a", 1)
    assert next(storage.kv.list()) == ("a", 1)
    with pytest.raises(RuntimeError, match="iterator was invalidated"):
        next(old)


async def test_a_transaction_that_raises_is_undone(storage):
    """Nested transactions undo their own part only; the error comes through."""

    def inner() -> None:
        storage.kv.put("b", 2)
        raise LookupError("inner")

    def outer() -> str:
        storage.kv.put("a", 1)
        with pytest.raises(LookupError):
            storage.transaction_sync(inner)
        storage.kv.put("c", 3)
        return "done"

    assert storage.transaction_sync(outer) == "done"
    assert await storage.list() == {"a": 1, "c": 3}


async def test_an_async_transaction_function_is_refused(storage):
    """It could not be a transaction; what it began is undone and no coroutine is left over."""

    async def wrong() -> None:
        storage.kv.put("a", 1)

    with pytest.raises(TypeError, match="not async"):
        storage.transaction_sync(wrong)
    assert await storage.get("a") is None


async def test_delete_all_leaves_nothing(storage, world):
    """Entries, tables, views, triggers, full-text indexes and cursors are gone; the file shrinks."""
    sql = storage.sql
    sql.exec("CREATE TABLE p(id INTEGER PRIMARY KEY AUTOINCREMENT, c REFERENCES c(id))")
    sql.exec("CREATE TABLE c(id INTEGER PRIMARY KEY, p REFERENCES p(id), body TEXT)")
    sql.exec("CREATE VIRTUAL TABLE f USING fts5(body)")
    sql.exec("CREATE VIEW v AS SELECT * FROM c")
    sql.exec("CREATE TRIGGER g AFTER INSERT ON c BEGIN INSERT INTO f VALUES(new.body); END")
    sql.exec("INSERT INTO p VALUES(1, NULL)")
    sql.exec(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2000)"
        " INSERT INTO c SELECT i, 1, printf('word%d %d', i, i) FROM n"
    )
    await storage.put("a", "x" * 100_000)
    await storage.sync()
    before = sql.database_size
    cursor = sql.exec("SELECT * FROM c")
    await storage.delete_all()
    with pytest.raises(StorageError, match="closed"):
        list(cursor)
    await storage.put("b", 1)
    await storage.sync()
    assert await storage.list() == {"b": 1}
    names = sql.exec("SELECT name FROM sqlite_schema WHERE name NOT LIKE '$_sd%' ESCAPE '$'")
    assert [row.name for row in names] == []
    assert before > 200_000
    assert sql.database_size < 20_000
    await world.databases[-1].close()
    assert world.path().stat().st_size < 20_000


async def test_delete_all_is_refused_inside_a_transaction(storage):
    """It cannot be undone by a savepoint in a caller's hands (5.1)."""
    await storage.put("a", 1)

    def attempt() -> None:
        with pytest.raises(StorageError, match="within a transaction"):
            storage.delete_all().send(None)

    storage.transaction_sync(attempt)
    assert await storage.get("a") == 1
