"""What a critical section may be made of, and what a critical error leaves (semantics 4.3, 4.4.4)."""

from __future__ import annotations

import pytest

from sourdough.errors import DurableObjectError, StorageError
from sourdough.objects.durable_object import DurableObject


class Noted(DurableObject):
    """Notes what happens in which order."""

    def __init__(self, ctx, env):
        super().__init__(ctx, env)
        self.notes = []

    async def note(self, what):
        self.notes.append(what)
        return list(self.notes)


async def test_a_section_may_be_a_plain_function(world):
    """Also as a decorator in the constructor; what it returns is the section's result (4.3)."""

    class Loads(Noted):
        def __init__(self, ctx, env):
            super().__init__(ctx, env)

            @ctx.block_concurrency_while
            def loaded():
                self.notes.append("loaded")

        async def section(self):
            return await self.ctx.block_concurrency_while(lambda: 5)

    world.host(Loads)
    assert await world.call("note", 1) == ["loaded", 1]
    assert await world.call("section") == 5


async def test_a_section_that_is_no_function_resets_nothing(world):
    """A coroutine in its place is a TypeError where it stands (4.3)."""

    class Calls(Noted):
        async def section(self):
            return await self.ctx.block_concurrency_while(self.note("x"))

    world.host(Calls)
    await world.call("note", 1)
    with pytest.raises(TypeError, match="takes a function, and calls it itself, not coroutine"):
        await world.call("section")
    assert await world.call("note", 2) == [1, 2]


async def test_every_storage_call_after_a_full_disk_says_so(world):
    """Also where the object's code went on after the first, and as its caller's error (4.4.4)."""
    seen = []

    class Fills(Noted):
        async def fill(self):
            self.ctx.storage.kv.put("a", 1)
            await self.ctx.storage.sync()
            self.ctx.storage._database.connection().execute("PRAGMA max_page_count=20")
            for number in range(200):
                try:
                    self.ctx.storage.kv.put(f"k{number}", "x" * 2000)
                except StorageError as error:
                    seen.append(str(error))

        async def keys(self):
            return list(await self.ctx.storage.list())

    world.host(Fills)
    with pytest.raises(DurableObjectError, match="full: SQLITE_FULL") as raised:
        await world.call("fill")
    assert raised.value.durable_object_reset
    assert len(seen) > 1
    assert set(seen) == {"database or disk is full: SQLITE_FULL"}
    assert await world.call("keys") == ["a"]
