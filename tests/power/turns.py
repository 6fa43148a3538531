"""What an object does in a turn: a mix of everything that changes a database in its own way."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from sourdough.errors import SqlError
from sourdough.storage.connection import run

if TYPE_CHECKING:
    from random import Random

    from sourdough.storage.storage import Storage

# An object that has grown to this is emptied: small ones make more commits in less time.
_LARGE = 120_000


class _UndoneError(Exception):
    """Undoes a transaction."""


def write(storage: Storage, random: Random) -> None:
    """Do something that writes, or seems to."""
    if storage.sql.database_size > _LARGE:
        _delete_all(storage, random)
    for _ in range(random.choice((1, 1, 1, 2, 3))):
        with suppress(SqlError):  # a table that an open cursor reads cannot be dropped
            random.choices(_ACTIONS, _WEIGHTS)[0](storage, random)


def open_cursor(storage: Storage) -> object:
    """Return a cursor that still has rows to read, and so a snapshot of the database."""
    return storage.sql.exec(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 400)"
        " SELECT i, name FROM n, (SELECT name FROM sqlite_schema LIMIT 1)"
    )


def shrink_cache(connection, random: Random) -> None:
    """Give a connection a page cache so small that transactions spill."""
    run(connection, f"PRAGMA cache_size={random.choice((5, 10, 40, 200))}")


def _put(storage, random):
    storage.kv.put(f"k{random.randrange(12)}", random.randrange(1 << 30))


def _put_many(storage, random):
    storage.kv.put_many(
        {f"k{random.randrange(12)}": random.randbytes(40) for _ in range(random.randrange(2, 7))}
    )


def _put_blob(storage, random):
    storage.kv.put(f"b{random.randrange(3)}", random.randbytes(random.randrange(1_000, 30_000)))


def _put_same(storage, random):
    storage.kv.put("same", 1)
    storage.kv.delete(f"nothing{random.randrange(3)}")


def _delete(storage, random):
    storage.kv.delete_many([f"k{random.randrange(12)}", f"b{random.randrange(3)}"])


def _delete_all(storage, _random):
    try:
        storage.delete_all().send(None)
    except StopIteration:
        return
    raise AssertionError("delete_all suspended")


def _tables(storage) -> list[str]:
    rows = storage.sql.exec(
        "SELECT name FROM sqlite_schema WHERE type = 'table' AND name LIKE 't_' ORDER BY name"
    )
    return [row[0] for row in rows]


def _create_table(storage, random):
    name = f"t{random.randrange(4)}"
    storage.sql.exec(f"CREATE TABLE IF NOT EXISTS {name}(id INTEGER PRIMARY KEY, x, y)")
    if random.random() < 0.5:
        storage.sql.exec(f"CREATE INDEX IF NOT EXISTS i{name} ON {name}(x)")


def _drop_table(storage, random):
    if tables := _tables(storage):
        storage.sql.exec(f"DROP TABLE {random.choice(tables)}")


def _insert(storage, random):
    if not (tables := _tables(storage)):
        _create_table(storage, random)
        return
    for _ in range(random.choice((1, 5, 30))):
        storage.sql.exec(
            f"INSERT INTO {random.choice(tables)}(x, y) VALUES(?, ?)",
            random.randrange(1000),
            random.randbytes(random.choice((10, 300))),
        )


def _update(storage, random):
    for table in _tables(storage):
        storage.sql.exec(f"UPDATE {table} SET x = x + 1 WHERE id % 3 = ?", random.randrange(3))


def _empty(storage, _random):
    for table in _tables(storage):
        storage.sql.exec(f"DELETE FROM {table}")


def _undone(storage, random):
    """A transaction that is rolled back, large enough to spill."""

    def work():
        for _ in range(random.choice((1, 4))):
            _put_blob(storage, random)
            _insert(storage, random)
        raise _UndoneError

    try:
        storage.transaction_sync(work)
    except _UndoneError:
        return


def _partly_undone(storage, random):
    """A spilled transaction whose pages are rewritten in place after a savepoint's rollback."""
    _put_blob(storage, random)
    _undone(storage, random)
    _put_blob(storage, random)
    _put(storage, random)


def _vacuum(storage, random):
    _put(storage, random)
    storage._database.shrink_after_commit()


_WEIGHTED = {
    _put: 6,
    _put_many: 4,
    _put_blob: 3,
    _put_same: 1,
    _delete: 2,
    _delete_all: 0.5,
    _create_table: 2,
    _drop_table: 0.7,
    _insert: 4,
    _update: 2,
    _empty: 0.5,
    _undone: 1,
    _partly_undone: 1,
    _vacuum: 0.7,
}
_ACTIONS, _WEIGHTS = tuple(_WEIGHTED), tuple(_WEIGHTED.values())
