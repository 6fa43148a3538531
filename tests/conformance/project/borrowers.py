"""What a caller does with references, stubs and limits of time; run in the entrypoint."""

from __future__ import annotations

import asyncio
from typing import Any

from callers import caught
from lender import OutOfStockError, Tally

from sourdough import CallTimeoutError, Headers, Request, Response


async def _until(condition: Any) -> None:
    async with asyncio.timeout(10):
        while not await condition():
            await asyncio.sleep(0.005)


async def function(env: Any, name: str) -> list[Any]:
    """Lend functions for longer than the call in which they go."""
    stub = env.LENDER.get_by_name(name)
    heard: list[Any] = []

    async def one(what: Any) -> str:
        heard.append(what)
        return "one"

    await stub.joins(one)
    await stub.joins(lambda what: what * 2)
    return [await stub.tells(21), heard]


async def function_that_raises(env: Any, name: str) -> Any:
    def fails(_: Any) -> None:
        raise LookupError("of the caller")

    stub = env.LENDER.get_by_name(name)
    await stub.joins(fails)
    return await stub.tells(1)


async def target(env: Any, name: str) -> list[Any]:
    """Use an RpcTarget of the object, then let it go."""
    stub = env.LENDER.get_by_name(name)
    async with await stub.gives() as tally:
        found = [await tally.add(3), await tally.add(4), await tally.doubled, await tally.unit]
        hidden = [await caught(getattr(tally, each)) for each in ("value", "hidden")]
    return [found, [each["text"] for each in hidden], await caught(_use(tally))]


async def _use(tally: Any) -> Any:
    return await tally.add(1)


async def own_target(env: Any, name: str) -> list[Any]:
    tally = Tally()
    return [await env.LENDER.get_by_name(name).asks(tally, "add", 5), tally.value]


async def properties(env: Any, name: str) -> list[Any]:
    stub = env.LENDER.get_by_name(name)
    return [
        await stub.title,
        await stub.settings.theme.name,
        await stub.tally.add(2),
        await stub.tally.doubled,
        (await caught(_read(stub, "listeners")))["text"],
    ]


async def _read(stub: Any, name: str) -> Any:
    return await getattr(stub, name)


async def items(env: Any, name: str, count: int) -> bool:
    stub = env.LENDER.get_by_name(name)
    return [item async for item in stub.counts(count)] == list(range(count))


async def some_items(env: Any, name: str) -> list[Any]:
    """Read slowly, and leave early; return how far the object went, and how it ended."""
    stub = env.LENDER.get_by_name(name)
    async for item in stub.counts(100_000):
        if item == 3:
            break

    async def closed() -> bool:
        return (await stub.noted())[-1] == "closed"

    await _until(closed)
    return [len(await stub.noted()) < 1000]


async def items_that_fail(env: Any, name: str) -> list[Any]:
    seen: list[Any] = []
    try:
        async for item in env.LENDER.get_by_name(name).counts_and_raises():
            seen.append(item)  # noqa: PERF401 (what came before the error)
    except LookupError as error:
        seen.append(str(error))
    return seen


async def own_items(env: Any, name: str, count: int) -> int:
    async def numbers() -> Any:
        for number in range(count):
            yield number

    return await env.LENDER.get_by_name(name).sums(numbers())


async def messages(env: Any, name: str) -> list[Any]:
    stub = env.LENDER.get_by_name(name)

    async def body() -> Any:
        yield b"in "
        yield b"pieces"

    request = await stub.copies(Request("http://a/b?c=d", method="PUT", body=body()))
    response = await stub.copies(Response("text", status=201, headers={"x-a": "1"}))
    headers = await stub.copies(Headers({"a": "b"}))
    return [
        [request.method, request.url, await request.text()],
        [response.status, response.headers["x-a"], await response.text()],
        [headers["a"], headers["copied"]],
    ]


async def stub_as_value(env: Any, name: str, other: str) -> Any:
    return await env.LENDER.get_by_name(name).asks(env.LENDER.get_by_name(other), "who")


async def between_objects(env: Any, name: str, other: str) -> list[Any]:
    """One object lends a method to another, which is told and tells it; then the first is reset."""
    stub = env.LENDER.get_by_name(other)
    await env.LENDER.get_by_name(name).lends_to(other)
    told = await stub.tells("news")
    await caught(env.LENDER.get_by_name(name).aborts())
    return [told, await caught(stub.tells("more"))]


async def own_exception(env: Any, name: str) -> list[Any]:
    try:
        await env.LENDER.get_by_name(name).sells("bread")
    except OutOfStockError as error:
        stub = env.LENDER.get_by_name(name)
        mine = error.durable_object_id == str(stub.id)
        return [str(error), error.item, error.left, error.remote, error.retryable, mine]
    raise AssertionError("nothing was raised")


async def timeout(env: Any, name: str) -> list[Any]:
    """A call that takes too long: what the caller sees, and what becomes of the method."""
    stub = env.LENDER.get_by_name(name)
    try:
        await stub.with_timeout(20).waits()
    except CallTimeoutError as error:
        text = str(error)

    async def cancelled() -> bool:
        return (await stub.noted()) == ["waits", "cancelled"]

    await _until(cancelled)
    return [text, isinstance(CallTimeoutError("x"), TimeoutError), await stub.who()]


async def one_behind_the_other(
    env: Any, binding: str, name: str, first: list[Any], second: list[Any]
) -> list[Any]:
    """Two calls of one stub, which arrive in order and together: [method, *arguments] each."""
    stub = getattr(env, binding).get_by_name(name)
    calls = [getattr(stub, method)(*arguments) for method, *arguments in (first, second)]
    return await asyncio.gather(*[caught(each) for each in calls])


async def notes_of(env: Any, name: str) -> Any:
    return await env.LENDER.get_by_name(name).noted()


async def broken_stub(env: Any, name: str) -> list[Any]:
    """Use a stub after the object was reset, then a new one."""
    stub = env.LENDER.get_by_name(name)
    first = await caught(stub.aborts())
    later = [await caught(stub.who()), await caught(stub.fetch("/"))]
    return [
        first["text"],
        *(each["text"] for each in later),
        await env.LENDER.get_by_name(name).who(),
    ]


async def circle(env: Any, name: str, other: str) -> Any:
    """A critical section waits for a call that comes back."""
    found = await caught(
        env.LENDER.get_by_name(name).calls_in_a_section(other, "calls", name, "who")
    )
    return [found, await env.LENDER.get_by_name(name).who()]


async def circles(env: Any, name: str, other: str, count: int) -> bool:
    """A -> B -> A, many at once."""
    stub = env.LENDER.get_by_name(name)
    calls = (stub.calls(other, "calls", name, "who") for _ in range(count))
    return await asyncio.gather(*calls) == [name] * count


async def unsendable(env: Any, name: str) -> Any:
    return await env.LENDER.get_by_name(name).joins({"a": [1, object()]})
