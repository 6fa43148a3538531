"""The key-value store against a model, and its values (semantics 5.1, 5.2)."""

from __future__ import annotations

import datetime as dt
import uuid
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

LETTERS = st.text(st.sampled_from("aB%_\0\x7fäÿ\ud7ff\ue000\ufffd\U0001f600\U0010ffff"), max_size=4)
SAME_DATABASE = settings(
    max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None
)

VALUES = [
    None,
    True,
    0,
    -1,
    2**53 + 1,
    2**200,
    -(2**70),
    1.5,
    float("inf"),
    "",
    "ä\0\U0001f600",
    b"",
    b"\0\xff",
    [],
    [1, [2, [3]]],
    (1, (2,)),
    {},
    {"a": 1, 2: "b", (3, 4): None, b"k": 1.0, None: 0},
    {1, 2},
    frozenset({(1, 2)}),
    dt.datetime(2026, 1, 2, 3, 4, 5, 6),  # noqa: DTZ001 (naive on purpose)
    dt.datetime(2026, 1, 2, tzinfo=dt.timezone(dt.timedelta(hours=5, minutes=45))),
    dt.datetime(2026, 10, 25, 2, 30, fold=1, tzinfo=dt.UTC),
    dt.date(2026, 1, 2),
    dt.time(1, 2, 3, 4),
    dt.timedelta(days=-1, microseconds=5),
    Decimal("1.10"),
    uuid.UUID(int=7),
    1 + 2j,
]


@pytest.fixture(params=["memory", "file"])
async def storage(request, world):
    """Storage of a new object, or of one that has its file already."""
    database = world.database()
    if request.param == "file":
        await database.storage.put("first", 1)
        await database.sync()
        await database.storage.delete("first")
    return database.storage


def expected(keys, *, start, start_after, end, prefix, reverse, limit):
    """Say which keys `list` returns, in which order."""
    found = [
        key
        for key in sorted(keys, key=str.encode)
        if (start is None or key.encode() >= start.encode())
        and (start_after is None or key.encode() > start_after.encode())
        and (end is None or key.encode() < end.encode())
        and (prefix is None or key.startswith(prefix))
    ]
    return (found[::-1] if reverse else found)[:limit]


@SAME_DATABASE
@given(
    keys=st.sets(LETTERS, max_size=12),
    start=st.none() | LETTERS,
    after=st.booleans(),
    end=st.none() | LETTERS,
    prefix=st.none() | LETTERS,
    reverse=st.booleans(),
    limit=st.none() | st.integers(1, 5),
)
async def test_list_is_the_model(storage, keys, start, after, end, prefix, reverse, limit):
    """Any combination of options, in both forms, gives what the sentences say (5.1, 5.2)."""
    await storage.delete_all()
    await storage.put(dict.fromkeys(keys, 0))
    options = {
        "start": None if after else start,
        "start_after": start if after else None,
        "end": end,
        "prefix": prefix,
        "reverse": reverse,
        "limit": limit,
    }
    wanted = expected(keys, **options)
    assert list(await storage.list(**options)) == wanted
    assert [key for key, _ in storage.kv.list(**options)] == wanted


@pytest.mark.parametrize("value", VALUES, ids=repr)
async def test_values_come_back_as_they_were(storage, value):
    """Equal, of the same type, by every way of reading (5.1)."""
    await storage.put("a", value)
    for found in (
        await storage.get("a"),
        (await storage.get(["a"]))["a"],
        (await storage.list())["a"],
        storage.kv.get("a"),
        dict(storage.kv.list())["a"],
    ):
        assert (found, type(found)) == (value, type(value))
        assert getattr(found, "fold", 0) == getattr(value, "fold", 0)


async def test_cycles_and_shared_parts_come_back(storage):
    """What is one object inside a value is one object afterwards (5.1)."""
    shared = [1]
    value = {"a": shared, "b": shared}
    value["self"] = value
    await storage.put("v", value)
    found = await storage.get("v")
    assert found["a"] is found["b"]
    assert found["self"] is found


@pytest.mark.parametrize("value", [[1], {"a": 1}, {1}, {"a": [1]}, ([1],), bytearray(b"a")])
async def test_no_value_is_an_alias(storage, value):
    """Neither what was put nor what was got reaches into the store (trap 22)."""
    before = repr(bytes(value) if type(value) is bytearray else value)
    await storage.put({"a": value, "b": value})
    inner = value["a"] if value == {"a": [1]} else value[0] if type(value) is tuple else value
    inner.clear()
    for _ in range(2):
        found = await storage.get(["a", "b"])
        assert found["a"] is not found["b"] or type(found["a"]) is bytes
        assert (repr(found["a"]), repr(found["b"])) == (before, before)
        for each in found.values():
            getattr(each, "clear", lambda: None)()


async def test_the_text_of_an_ended_iterator(storage):
    """Word for word (5.2)."""
    await storage.put({str(number): number for number in range(300)})
    old = storage.kv.list()
    next(old)
    storage.kv.list()
    with pytest.raises(RuntimeError) as raised:
        next(old)
    assert str(raised.value) == (
        "kv.list() iterator was invalidated because a new call to kv.list() was started."
        " Only one kv.list() iterator can exist at a time."
    )


async def test_an_iterator_goes_on_over_what_changes(storage):
    """Writes between two steps end nothing; what comes later is seen where it is read later (5.2)."""
    await storage.put({f"{number:03}": number for number in range(300)})
    seen = []
    for key, _ in storage.kv.list():
        seen.append(key)
        storage.kv.delete("299")
        storage.kv.put("2985", 1)
    assert seen == [*(f"{number:03}" for number in range(299)), "2985"]


async def test_many_keys_at_a_time(storage):
    """128 are read at once, any number is written and deleted (semantics 10)."""
    keys = [f"{number:04}" for number in range(1_000)]
    await storage.put(dict.fromkeys(keys, 1))
    assert len(await storage.get(keys[:128])) == 128
    with pytest.raises(ValueError, match=r"Maximum number of key value pairs is 128. 1000 pairs"):
        await storage.get(keys)
    assert await storage.delete(keys) == 1_000
    assert await storage.list() == {}


async def test_empty_requests_are_harmless(storage):
    """No keys, no entries: nothing happens (5.1)."""
    await storage.put({})
    assert await storage.get([]) == {}
    assert await storage.delete([]) == 0


async def test_none_is_a_value(storage):
    """What a default stands for is a missing key, not None (5.1)."""
    await storage.put({"a": None, "b": 1})
    assert await storage.get("a", 7) is None
    assert await storage.get(["a", "x"]) == {"a": None}
    assert await storage.delete("a") is True
    assert await storage.get("a", 7) == 7


@pytest.mark.parametrize(
    ("options", "kind", "text"),
    [
        ({"start": "a", "start_after": "b"}, TypeError, "both start and start_after values"),
        ({"limit": 0}, TypeError, "List limit must be positive"),
        ({"limit": -1}, TypeError, "List limit must be positive"),
        ({"limit": 1.5}, TypeError, "limit as an int"),
        ({"limit": True}, TypeError, "limit as an int"),
        ({"start": 5}, TypeError, "start as a str"),
        ({"prefix": b"a"}, TypeError, "prefix as a str"),
        ({"end": "\ud800"}, ValueError, "not valid Unicode"),
    ],
)
async def test_bad_options_are_named(storage, options, kind, text):
    """Both forms say the same (5.1)."""
    with pytest.raises(kind, match=text):
        await storage.list(**options)
    with pytest.raises(kind, match=text):
        storage.kv.list(**options)


@pytest.mark.parametrize("size", [2048, 2049])
async def test_keys_have_2048_bytes(storage, size):
    """Counted in UTF-8 (semantics 10)."""
    key = "ä" * (size // 2) + "a" * (size % 2)
    if size <= 2048:
        await storage.put(key, 1)
        assert await storage.get(key) == 1
        return
    for call in (
        lambda: storage.get(key),
        lambda: storage.put(key, 1),
        lambda: storage.delete(key),
    ):
        with pytest.raises(ValueError, match=f"larger than 2048 bytes. A key of size {size} was"):
            await call()
