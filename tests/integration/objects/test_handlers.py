"""Handlers that end in other ways than with an answer, and what their callers see."""

from __future__ import annotations

import asyncio
import sys
from contextvars import ContextVar

import pytest

from sourdough.errors import DurableObjectError, RemoteError
from sourdough.http import Response
from sourdough.objects.durable_object import DurableObject


class Counter(DurableObject):
    async def increment(self):
        value = await self.ctx.storage.get("value", 0) + 1
        await self.ctx.storage.put("value", value)
        return value


async def test_sys_exit_in_a_handler_is_an_error_of_its_caller(world):
    """sys.exit() in a handler ends neither the host nor the object."""

    class Quitter(Counter):
        async def leave(self):
            sys.exit(2)

    world.host(Quitter)
    with pytest.raises(RemoteError, match="SystemExit"):
        await world.call("leave")
    assert await world.call("increment") == 1


async def test_a_handler_that_raises_generator_exit_answers(world):
    """Python ends coroutines with it; raised by a handler it is an error as any other."""

    class Closes(Counter):
        async def close(self):
            await self.increment()
            raise GeneratorExit

    world.host(Closes)
    async with asyncio.timeout(10):
        with pytest.raises(RemoteError, match="GeneratorExit"):
            await world.call("close")
    assert await world.call("increment") == 2


async def test_sys_exit_in_background_work_ends_nothing(world, caplog):
    """wait_until() work that calls sys.exit() is reported and forgotten."""

    class Quitter(Counter):
        async def later(self):
            self.ctx.wait_until(self._leave())

        async def _leave(self):
            sys.exit(2)

    world.host(Quitter)
    await world.call("later")
    for _ in range(5):  # what is ready runs
        await asyncio.sleep(0)
    assert await world.call("increment") == 1
    assert "background task" in caplog.text


async def test_a_cancelled_handler_answers(world):
    """A handler that cancels itself gives an error, not silence."""

    class Cancels(Counter):
        async def cancel(self):
            raise asyncio.CancelledError

    world.host(Cancels)
    with pytest.raises(DurableObjectError, match="cancelled"):
        await world.call("cancel")


async def test_fetch_must_return_a_response(world):
    """Anything else is an error that names class and type."""

    class Wrong(DurableObject):
        async def fetch(self, request):
            return {"not": "a response"}

    world.host(Wrong)
    with pytest.raises(RemoteError, match="returned dict, not a Response"):
        await world.fetch()


async def test_a_response_given_twice_is_an_error_of_the_second_caller_alone(world):
    """A body can be read once; the second answer fails, also when it waits for the disk."""

    class Reuses(Counter):
        response = Response("once")

        async def fetch(self, request):
            self.ctx.storage.kv.put("n", self.ctx.storage.kv.get("n", 0) + 1)
            return self.response

    world.host(Reuses)
    assert await world.fetch() == (200, b"once")
    with pytest.raises(RemoteError, match="BodyUsedError"):
        await world.fetch()
    assert await world.call("increment") == 1


async def test_contextvars_of_a_caller_do_not_reach_the_object(world):
    """What a caller in the same process keeps in its context stays there."""
    secret = ContextVar("secret", default="none")

    class Looks(Counter):
        async def look(self):
            return secret.get()

    world.host(Looks)
    secret.set("mine")
    assert await world.call("look") == "none"


async def test_the_task_of_a_handler_is_named_after_its_object(world):
    """Whoever lists the tasks of a host sees whose they are."""

    class Named(Counter):
        async def task(self):
            return asyncio.current_task().get_name()

    world.host(Named)
    assert await world.call("task", name=b"a") == "Named:a"
    assert (await world.call("task", label="b")).startswith("Named:")
    assert await world.call("task", label="b", name=b"b") == "Named:b"
