"""An object that runs the storage steps it is sent, and tells what each gave or raised."""

from __future__ import annotations

import asyncio
import inspect
from typing import Any

from samples import SAMPLES

from sourdough import DurableObject

Step = tuple[str, list[Any], dict[str, Any]]


class RaisedOnPurposeError(Exception):
    """What the step `fail` raises, out of a transaction."""


class Keeper(DurableObject):
    async def run(self, steps: list[Step]) -> list[Any]:
        """Return for each step its result, or {"raised": type, "text": message}."""
        return await self._run(steps, {})

    async def _run(self, steps: list[Step], known: dict[str, Any]) -> list[Any]:
        return [await self._outcome(step, known) for step in steps]

    async def _outcome(self, step: Step, known: dict[str, Any]) -> Any:
        try:
            return await self._step(*step, known)
        except RaisedOnPurposeError:
            if step[0] == "fail":
                raise
            return {"raised": "RaisedOnPurposeError", "text": ""}
        except Exception as error:  # noqa: BLE001 (told to the case)
            return {"raised": type(error).__name__, "text": str(error)}

    async def _step(
        self, name: str, arguments: list[Any], named: dict[str, Any], known: dict[str, Any]
    ) -> Any:
        if name == "fail":
            raise RaisedOnPurposeError
        if name == "transaction":
            return await self._transaction(arguments[0], known)
        if name == "transaction_sync":
            return self.ctx.storage.transaction_sync(lambda: self._at_once(arguments[0]))
        target = known if name.startswith("txn.") else self.ctx.storage
        result = plain(_find(target, name)(*arguments, **named))
        return await result if inspect.isawaitable(result) else result

    async def _transaction(self, steps: list[Step], known: dict[str, Any]) -> Any:
        async def closure(txn: Any) -> list[Any]:
            return await self._run(steps, {**known, "txn": txn})

        return await self.ctx.storage.transaction(closure)

    def _at_once(self, steps: list[Step]) -> list[Any]:
        """Run steps without an await: those of `storage.kv` and `storage.sql`."""
        results = []
        for name, arguments, named in steps:
            if name == "fail":
                raise RaisedOnPurposeError
            if name == "transaction_sync":
                try:
                    inner = self.ctx.storage.transaction_sync(lambda: self._at_once(arguments[0]))  # noqa: B023
                except RaisedOnPurposeError:
                    inner = {"raised": "RaisedOnPurposeError", "text": ""}
                results.append(inner)
            else:
                results.append(plain(_find(self.ctx.storage, name)(*arguments, **named)))
        return results

    async def keeps(self, sample: str) -> bool:
        """Say whether a value comes back equal and of its type, from both stores."""
        value = SAMPLES[sample]
        await self.ctx.storage.put("sample", value)
        found = await self.ctx.storage.get("sample"), self.ctx.storage.kv.get("sample")
        return all(type(each) is type(value) and repr(each) == repr(value) for each in found)

    async def refuses(self, sample: str) -> list[Any]:
        """Return what storing something that is no data raises, and what is stored then."""
        values = {"function": len, "object": object(), "class": Keeper, "stub": self.env.KEEPER}
        try:
            await self.ctx.storage.put({"good": 1, "bad": values[sample]})
        except Exception as error:  # noqa: BLE001 (told to the case)
            return [type(error).__name__, await self.ctx.storage.get("good")]
        return ["nothing", await self.ctx.storage.get("good")]

    async def copies(self) -> list[Any]:
        """Change a value after it was put and after it was read; return what is stored."""
        value = [1]
        await self.ctx.storage.put("list", value)
        value.append(2)
        (await self.ctx.storage.get("list")).append(3)
        return await self.ctx.storage.get("list")

    async def two_listings(self) -> list[Any]:
        """Begin to iterate, begin again, and go on with the first."""
        kv = self.ctx.storage.kv
        for key in "abc":
            kv.put(key, key)
        first = kv.list()
        seen = [next(first)[0]]
        second = kv.list()
        try:
            next(first)
        except RuntimeError as error:
            seen.append(str(error))
        return [*seen, *(key for key, _ in second)]

    async def async_function_in_transaction_sync(self) -> str:
        async def work() -> None:
            self.ctx.storage.kv.put("a", 1)

        try:
            self.ctx.storage.transaction_sync(work)
        except TypeError as error:
            return str(error)
        return "accepted"

    async def txn_outside_of_its_closure(self) -> str:
        kept = []

        async def closure(txn: Any) -> None:
            kept.append(txn)

        await self.ctx.storage.transaction(closure)
        try:
            await kept[0].put("a", 1)
        except Exception as error:  # noqa: BLE001 (told to the case)
            return str(error)
        return "accepted"

    async def cursor(self) -> list[Any]:
        """Read one cursor in every way, and tell what it says of itself."""
        sql = self.ctx.storage.sql
        sql.exec("CREATE TABLE IF NOT EXISTS n(x, y)")
        written = sql.exec("INSERT INTO n VALUES (1, 'a'), (2, 'b'), (3, 'c')").rows_written
        cursor = sql.exec("SELECT x, y FROM n ORDER BY x")
        first = next(cursor)
        second = next(cursor.raw())
        rest = [row.as_dict() for row in cursor]
        return [written, list(cursor.columns), first.y, list(second), rest, cursor.rows_read]

    async def cursors_of_one_query(self) -> list[int]:
        """Run one query again while its first cursor is open, over an await and a write."""
        sql = self.ctx.storage.sql
        sql.exec("CREATE TABLE n(x)")
        sql.exec(
            "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c WHERE x < 1000)"
            " INSERT INTO n SELECT x FROM c"
        )
        first = sql.exec("SELECT x FROM n")
        next(first)
        second = sql.exec("SELECT x FROM n")
        next(second)
        await asyncio.sleep(0)
        await self.ctx.storage.put("a", 1)
        await self.ctx.storage.sync()
        return [len(list(first)), len(list(second))]

    async def cursor_over_delete_all(self) -> str:
        """Delete everything while a long result is being read, and read on."""
        sql = self.ctx.storage.sql
        sql.exec("CREATE TABLE n(x)")
        sql.exec(
            "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c WHERE x < 5000)"
            " INSERT INTO n SELECT x FROM c"
        )
        cursor = sql.exec("SELECT x FROM n")
        next(cursor)
        await self.ctx.storage.delete_all()
        try:
            return f"{len(list(cursor))} rows"
        except Exception as error:  # noqa: BLE001 (told to the case)
            return type(error).__name__


def _find(target: Any, name: str) -> Any:
    for part in name.split("."):
        target = target[part] if isinstance(target, dict) else getattr(target, part)
    return target if callable(target) else lambda: target


def plain(value: Any) -> Any:
    """Return what JSON can say of a result: a cursor or an iterator becomes its rows."""
    if hasattr(value, "raw"):
        return [[_text_of(each) for each in row] for row in value.raw()]
    return list(value) if inspect.isgenerator(value) else value


def _text_of(value: Any) -> Any:
    return f"bytes {value.hex()}" if isinstance(value, bytes) else value
