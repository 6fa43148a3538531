"""block_concurrency_while, abort, and which methods can be called."""

from __future__ import annotations

import asyncio

import pytest

from sourdough.errors import DurableObjectError, RemoteError, StorageClosedError
from sourdough.objects.durable_object import DurableObject


async def settle(turns: int = 20) -> None:
    """Let what is ready run."""
    for _ in range(turns):
        await asyncio.sleep(0)


class Noted(DurableObject):
    """Notes what happens in which order."""

    def __init__(self, ctx, env):
        super().__init__(ctx, env)
        self.notes = []

    async def note(self, what):
        self.notes.append(what)
        return list(self.notes)

    async def set(self, value):
        await self.ctx.storage.put("value", value)

    async def get(self):
        return await self.ctx.storage.get("value")


async def test_no_event_enters_while_a_section_runs(world):
    """Events that come during a critical section wait, in order (4.3)."""

    class Blocks(Noted):
        async def section(self):
            async def body():
                self.notes.append("begin")
                await gate.wait()
                self.notes.append("end")
                return "result"

            result = await self.ctx.block_concurrency_while(body)
            self.notes.append("after")
            return result

    gate = asyncio.Event()
    world.host(Blocks)
    section = world.call("section")
    await settle()
    later = [world.call("note", number) for number in range(3)]
    await settle()
    assert not any(answer.done() for answer in later)
    gate.set()
    assert await section == "result"
    assert await later[2] == ["begin", "end", "after", 0, 1, 2]


async def test_events_of_one_turn_do_not_enter_a_section_begun_by_the_first(world):
    """An event delivered before the section began, and not yet run, waits as well (4.1.1)."""

    class Blocks(Noted):
        async def section(self):
            async def body():
                self.notes.append("begin")
                await asyncio.sleep(0)
                await asyncio.sleep(0)
                self.notes.append("end")

            await self.ctx.block_concurrency_while(body)

    world.host(Blocks)
    await world.call("note", "first")
    section = world.call("section")
    others = [world.call("note", number) for number in range(3)]
    assert await others[2] == ["first", "begin", "end", 0, 1, 2]
    await section


async def test_events_let_in_by_one_section_wait_for_the_next(world):
    """Of the events that a section held back, the first may begin another one."""

    class Blocks(Noted):
        async def section(self, name):
            async def body():
                self.notes.append(f"begin {name}")
                await asyncio.sleep(0)
                self.notes.append(f"end {name}")

            await self.ctx.block_concurrency_while(body)

    world.host(Blocks)
    await world.call("note", 0)
    calls = [world.call("section", "a"), world.call("section", "b"), world.call("note", 1)]
    await asyncio.gather(*calls)
    assert calls[2].result() == [0, "begin a", "end a", "begin b", "end b", 1]


async def test_sections_begun_together_run_one_after_another(world):
    """Two sections of one event do not overlap (4.3)."""

    class Blocks(Noted):
        async def both(self):
            async def body(name):
                self.notes.append(f"begin {name}")
                await asyncio.sleep(0)
                self.notes.append(f"end {name}")

            await asyncio.gather(
                self.ctx.block_concurrency_while(lambda: body("a")),
                self.ctx.block_concurrency_while(lambda: body("b")),
            )
            return self.notes

    world.host(Blocks)
    assert await world.call("both") == ["begin a", "end a", "begin b", "end b"]


async def test_sections_nest(world):
    """A section begun inside another runs at once (trap 8)."""

    class Nests(Noted):
        async def nest(self):
            async def inner():
                self.notes.append("inner")
                return 1

            async def outer():
                self.notes.append("outer")
                value = await self.ctx.block_concurrency_while(inner)
                self.notes.append("outer again")
                return value + 1

            return await self.ctx.block_concurrency_while(outer)

    world.host(Nests)
    assert await world.call("nest") == 2
    assert await world.call("note", "x") == ["outer", "inner", "outer again", "x"]


async def test_sections_nest_to_a_depth_of_64(world):
    """Deeper nesting is an error (4.3)."""

    class Deep(Noted):
        async def nest(self, depth):
            async def go(left):
                if left:
                    await self.ctx.block_concurrency_while(lambda: go(left - 1))

            await go(depth)
            return depth

    world.host(Deep)
    assert await world.call("nest", 64) == 64
    with pytest.raises(DurableObjectError, match="nested too deeply"):
        await world.call("nest", 65)


async def test_a_section_in_the_constructor_holds_events_back(world):
    """Initialisation that is not awaited is over before the first event (3.2)."""

    class Loads(Noted):
        def __init__(self, ctx, env):
            super().__init__(ctx, env)
            ctx.block_concurrency_while(self._load)

        async def _load(self):
            await asyncio.sleep(0)
            self.notes.append("loaded")

    world.host(Loads)
    assert await world.call("note", 1) == ["loaded", 1]


async def test_a_section_that_raises_resets_the_object(world):
    """Everybody who waits gets the error; the next event makes a new instance (trap 8)."""

    class Throws(Noted):
        async def throw(self):
            async def body():
                await self.ctx.storage.put("value", "lost")
                raise ValueError("broken inside")

            await self.ctx.block_concurrency_while(body)

    world.host(Throws)
    await world.call("set", "kept")
    throwing, waiting = world.call("throw"), world.call("note", 1)
    for answer in (throwing, waiting):
        with pytest.raises(DurableObjectError, match="broken inside") as raised:
            await answer
        assert raised.value.durable_object_reset
    assert await world.call("get") == "kept"


async def test_sys_exit_in_a_section_resets_the_object_only(world):
    """A section that calls sys.exit() does not end the host."""

    class Quits(Noted):
        async def leave(self):
            async def body():
                raise SystemExit(1)

            await self.ctx.block_concurrency_while(body)

    world.host(Quits)
    with pytest.raises(DurableObjectError):
        await world.call("leave")
    assert await world.call("note", 1) == [1]


async def test_a_section_that_takes_too_long_resets_the_object(world):
    """After the limit the callers get an overload error (4.3)."""

    class Hangs(Noted):
        async def hang(self):
            await self.ctx.block_concurrency_while(asyncio.Event().wait)

    world.host(Hangs, section_seconds=0.01)
    hanging = world.call("hang")
    with pytest.raises(DurableObjectError, match="waited for too long") as raised:
        await hanging
    assert raised.value.overloaded
    assert raised.value.durable_object_reset
    assert await world.call("note", 1) == [1]


async def test_a_section_whose_caller_gives_up_ends(world):
    """A timeout of the user's own around a section cancels it and opens the gate."""

    class Impatient(Noted):
        async def hurry(self):
            try:
                async with asyncio.timeout(0.005):
                    await self.ctx.block_concurrency_while(asyncio.Event().wait)
            except TimeoutError:
                return "gave up"

        async def never(self):
            self.ctx.block_concurrency_while(asyncio.Event().wait).cancel()

    world.host(Impatient)
    assert await world.call("hurry") == "gave up"
    await world.call("never")
    assert await world.call("note", 1) == [1]


async def test_abort_tells_every_caller_and_loses_what_is_not_committed(world):
    """abort() resets at once; the reason goes to all callers (3.11)."""

    class Aborts(Noted):
        async def stop(self):
            await self.ctx.storage.put("value", "lost")
            self.ctx.abort("that is it")

        async def wait(self):
            await asyncio.Event().wait()

    world.host(Aborts)
    await world.call("set", "kept")
    waiting = world.call("wait")
    await settle()
    stopping = world.call("stop")
    for answer in (stopping, waiting):
        with pytest.raises(DurableObjectError, match="that is it") as raised:
            await answer
        assert raised.value.durable_object_reset
        assert raised.value.remote
    assert await world.call("get") == "kept"


async def test_abort_cannot_be_caught(world):
    """What a handler does after it caught abort() leaves no trace (trap 13)."""

    class Stubborn(Noted):
        async def stubborn(self):
            try:
                self.ctx.abort()
            except BaseException:  # noqa: BLE001 (what a stubborn user would write)
                try:
                    await self.ctx.storage.put("value", "trace")
                except StorageClosedError:
                    refused.append("storage")
            return "survived"

    refused = []
    world.host(Stubborn)
    await world.call("set", "kept")
    waiting = world.send("stubborn")
    with pytest.raises(DurableObjectError, match=r"called abort\(\)"):
        await waiting.answer
    await settle()
    assert refused == ["storage"]
    assert await world.call("get") == "kept"
    assert world.container().instance is not None


async def test_abort_in_background_work_resets_too(world):
    """A wait_until() task may give up the object as well."""

    class Aborts(Noted):
        async def later(self):
            self.ctx.wait_until(self._stop())

        async def _stop(self):
            await asyncio.sleep(0)
            self.ctx.abort("later")

        async def wait(self):
            await asyncio.Event().wait()

    world.host(Aborts)
    waiting = world.call("wait")
    await world.call("later")
    with pytest.raises(DurableObjectError, match="later"):
        await waiting


@pytest.mark.parametrize(
    ("method", "text"),
    [
        ("fetch", "'fetch' is a reserved method"),
        ("alarm", "'alarm' is a reserved method"),
        ("_hidden", 'does not implement the method "_hidden"'),
        ("__init__", 'does not implement the method "__init__"'),
        ("__class__", 'does not implement the method "__class__"'),
        ("missing", 'does not implement the method "missing"'),
        ("own", 'does not implement the method "own"'),
        ("ctx", 'does not implement the method "ctx"'),
        ("number", '"number" is not a function'),
        ("shown", '"shown" is not a function'),
    ],
)
async def test_only_public_methods_of_the_class_can_be_called(world, method, text):
    """Private, reserved, inherited and instance attributes are out of reach (trap 31)."""

    class Shows(Noted):
        number = 3

        def __init__(self, ctx, env):
            super().__init__(ctx, env)
            self.own = lambda: "own"

        def _hidden(self):
            return "hidden"

        @property
        def shown(self):
            return 1

    world.host(Shows)
    with pytest.raises((TypeError, AttributeError, RemoteError)) as raised:
        await world.call(method)
    assert text in str(raised.value)


async def test_methods_of_mixins_and_plain_functions_can_be_called(world):
    """What stands on the class counts, wherever it comes from; it need not be async."""

    class Mixin:
        def plain(self, left, right):
            return left + right

    class Mixed(Mixin, Noted):
        @staticmethod
        def fixed():
            return "fixed"

    world.host(Mixed)
    assert await world.call("plain", 1, 2) == 3
    assert await world.call("fixed") == "fixed"


async def test_a_result_above_32_mib_is_an_error(world):
    """The limit of values that cross between objects (2.6)."""

    class Big(Noted):
        async def big(self, size):
            return bytes(size)

    world.host(Big)
    assert len(await world.call("big", 1000)) == 1000
    with pytest.raises(ValueError, match="limited to 32MiB"):
        await world.call("big", 32 * 1024 * 1024 + 1)
