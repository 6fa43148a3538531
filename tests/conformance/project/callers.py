"""What a caller does with namespaces, ids and stubs: one function for each case, run in the entrypoint."""

from __future__ import annotations

import asyncio
from typing import Any

from samples import SAMPLES

FLAGS = ("remote", "retryable", "overloaded", "durable_object_reset")


def seen(error: BaseException) -> dict[str, Any]:
    """Return what a caller can see of an exception."""
    flags = {flag: getattr(error, flag, False) for flag in FLAGS}
    return {"type": type(error).__name__, "text": str(error), **flags}


async def caught(call: Any) -> Any:
    """Await a call; return its result, or what is seen of its exception."""
    try:
        return await call
    except Exception as error:  # noqa: BLE001 (told to the case)
        return seen(error)


# --- ids (semantics 1)


async def ids_of_name(env: Any, name: str) -> list[str]:
    return [str(getattr(env, binding).id_from_name(name)) for binding in ("ACTOR", "KEEPER")]


async def attributes_of_ids(env: Any, name: str) -> dict[str, Any]:
    named, unique = env.ACTOR.id_from_name(name), env.ACTOR.new_unique_id()
    again = env.ACTOR.id_from_string(str(named))
    return {
        "name": named.name,
        "name of a unique one": unique.name,
        "name from its text": again.name,
        "equal": named == again,
        "same hash": hash(named) == hash(again),
        "unique equal": unique == env.ACTOR.new_unique_id(),
        "text": str(named),
        "unique text": str(unique),
        "unique from its text": env.ACTOR.id_from_string(str(unique)) == unique,
    }


async def id_from_string(env: Any, text: str) -> Any:
    return str(env.ACTOR.id_from_string(text))


async def id_of_another_class(env: Any, name: str) -> Any:
    return str(env.ACTOR.id_from_string(str(env.KEEPER.id_from_name(name))))


async def get_with_an_id_of_another_class(env: Any, name: str) -> Any:
    return env.ACTOR.get(env.KEEPER.id_from_name(name)).name


async def id_from_no_text(env: Any) -> Any:
    return str(env.ACTOR.id_from_name(7))


async def attributes_of_stubs(env: Any, name: str) -> list[Any]:
    namespace = env.ACTOR
    by_name, by_id = namespace.get_by_name(name), namespace.get(namespace.new_unique_id())
    return [by_name.name, str(by_name.id) == str(namespace.id_from_name(name)), by_id.name]


async def stub_is_no_construction(env: Any, name: str) -> int:
    """Make stubs of an object, then ask it how often it was constructed."""
    stubs = [env.ACTOR.get_by_name(name) for _ in range(3)]
    return await stubs[0].constructions()


async def unique_object(env: Any) -> list[Any]:
    """Write to an object with a unique id; read it through its text."""
    made = env.SPEAKER.new_unique_id()
    who = await env.SPEAKER.get(made).who()
    again = await env.SPEAKER.get(env.SPEAKER.id_from_string(str(made))).survives()
    return [who == [str(made), None], again]


async def name_of_object(env: Any, name: str) -> list[Any]:
    """Return what the object knows as its name: first called by id alone, then by name, by id."""
    namespace = env.SPEAKER
    by_id = namespace.get(namespace.id_from_string(str(namespace.id_from_name(name))))
    names = [(await by_id.who())[1], (await namespace.get_by_name(name).who())[1]]
    return [*names, (await by_id.who())[1]]


async def known_name(env: Any, length: int) -> list[Any]:
    """Return how long the name is that an object with a long name knows."""
    stub = env.SPEAKER.get_by_name("n" * length)
    name = (await stub.who())[1]
    return [None if name is None else len(name)]


# --- values and errors (semantics 2)


async def echoes(env: Any, name: str, sample: str) -> bool:
    """Say whether a value comes back equal and of its type, as argument and as result."""
    value = SAMPLES[sample]
    found = await env.SPEAKER.get_by_name(name).same(value)
    return type(found) is type(value) and repr(found) == repr(value)


async def sends(env: Any, name: str, what: str) -> Any:
    stub = env.SPEAKER.get_by_name(name)
    values = {"function": len, "object": object(), "stub": stub, "id": stub.id}
    return await stub.same(values[what])


async def sends_bytes(env: Any, name: str, size: int) -> int:
    return len(await env.SPEAKER.get_by_name(name).same(bytes(size)))


async def receives_bytes(env: Any, name: str, size: int) -> int:
    return len(await env.SPEAKER.get_by_name(name).large(size))


async def in_order(env: Any, name: str, count: int) -> bool:
    """Send many calls on one stub without waiting; say whether they arrived as they were made."""
    stub = env.ACTOR.get_by_name(name)
    await asyncio.gather(*(stub.appends(number) for number in range(count)))
    return await stub.remembered() == list(range(count))


async def fetches(env: Any, name: str) -> list[Any]:
    """Send a request over a stub."""
    response = await env.SPEAKER.get_by_name(name).fetch(
        "https://example.test/a/describe?x=1&y=%C3%A4",
        method="POST",
        headers={"x-case": "v"},
        body="text",
    )
    return [response.status, response.headers["x-answer"], await response.json()]


async def streams(env: Any, name: str) -> list[str]:
    response = await env.SPEAKER.get_by_name(name).fetch("/stream")
    return [chunk.decode() async for chunk in response.stream()]


async def fetch_that_raises(env: Any, name: str) -> Any:
    return (await env.SPEAKER.get_by_name(name).fetch("/raise")).status


async def after_an_exception(env: Any, name: str) -> list[Any]:
    """Use one stub before and after a method that raises; the instance goes on."""
    stub = env.SPEAKER.get_by_name(name)
    first = await stub.survives()
    error = await caught(stub.raises("ValueError", "no"))
    return [first, error["type"], await stub.survives()]


async def after_a_reset(env: Any, name: str) -> list[Any]:
    """Call with a new stub after the object was reset."""
    await env.ACTOR.get_by_name(name).writes("value", 1)
    error = await caught(env.ACTOR.get_by_name(name).aborts("gone"))
    fresh = env.ACTOR.get_by_name(name)
    return [error, await fresh.value(), await fresh.constructions()]


async def all_in_flight(env: Any, name: str) -> list[Any]:
    """Abort while others wait; return what each caller saw."""
    waiting = [
        asyncio.ensure_future(caught(env.ACTOR.get_by_name(name).waits_at("never")))
        for _ in range(3)
    ]
    stub = env.ACTOR.get_by_name(name)
    while len(await stub.remembered()) < len(waiting):
        await asyncio.sleep(0)
    return [await caught(stub.aborts("all of you")), *await asyncio.gather(*waiting)]


async def gives_up(env: Any, name: str) -> list[Any]:
    """Leave a request while the object works; let it go on, and see what it did."""
    stub = env.ACTOR.get_by_name(name)
    request = asyncio.ensure_future(stub.fetch(f"/actor/{name}/waits_at/door"))
    while not await stub.remembered():
        await asyncio.sleep(0)
    request.cancel()
    await asyncio.wait([request])
    await stub.opens("door")
    while (found := await stub.remembered())[-1] != "passed door":
        await asyncio.sleep(0)
    return found


async def meets(env: Any, name: str) -> list[Any]:
    """One event waits, another is served meanwhile and lets it go on."""
    stub = env.ACTOR.get_by_name(name)
    waits = asyncio.ensure_future(stub.waits_at("door"))
    await asyncio.ensure_future(stub.opens("door"))
    return [await waits, await stub.remembered()]


async def together(env: Any, name: str, method: str, count: int) -> list[Any]:
    """Call one method many times at once, each on a stub of its own."""
    calls = (getattr(env.ACTOR.get_by_name(name), method)() for _ in range(count))
    return sorted(await asyncio.gather(*calls))


async def adds(env: Any, name: str, count: int) -> bool:
    stub = env.ACTOR.get_by_name(name)
    await asyncio.gather(*(stub.adds_to_list(number) for number in range(count)))
    return await stub.value("list") == list(range(count))


async def background(env: Any, name: str) -> list[Any]:
    """The answer comes before the background work ends; the work is not lost."""
    stub = env.ACTOR.get_by_name(name)
    answer = await stub.works_in_background("door")
    before = await stub.value()
    await stub.opens("door")
    while "background ended" not in await stub.remembered():
        await asyncio.sleep(0)
    return [answer, before, await stub.value()]


async def around_a_section(env: Any, name: str) -> list[Any]:
    """Send an event into a section; return the order in which things happened."""
    stub = env.ACTOR.get_by_name(name)
    section = asyncio.ensure_future(stub.section("door"))
    others = [asyncio.ensure_future(stub.appends(number)) for number in range(3)]
    await asyncio.gather(*others)
    return [await section, await stub.remembered(), await stub.value("from a task in the section")]


async def floods(env: Any, name: str, count: int) -> list[Any]:
    """Send more into a section than may wait; return what the refused saw, and what arrived."""
    stub = env.ACTOR.get_by_name(name)
    section = asyncio.ensure_future(stub.section_of(0.5))
    answers = await asyncio.gather(*(caught(stub.appends(number)) for number in range(count)))
    refused = [answer for answer in answers if answer is not None]
    await section
    arrived = [each for each in await stub.remembered() if isinstance(each, int)]
    return [refused[:1], len(refused) + len(arrived), arrived == sorted(arrived)]


async def section_raises(env: Any, name: str) -> list[Any]:
    """A section fails with another event in the queue."""
    first, second = await asyncio.gather(
        caught(env.ACTOR.get_by_name(name).section_raises()),
        caught(env.ACTOR.get_by_name(name).appends(1)),
    )
    stub = env.ACTOR.get_by_name(name)
    return [first, second, await stub.constructions(), await stub.value("in the section")]


async def constructor_fails(env: Any, name: str) -> list[Any]:
    """Two callers meet a constructor that fails; a third finds a new instance."""
    first, second = await asyncio.gather(
        caught(env.MOODY.get_by_name(name).constructions()),
        caught(env.MOODY.get_by_name(name).constructions()),
    )
    stub = env.MOODY.get_by_name(name)
    return [first, second, await stub.constructions(), await stub.entries()]


async def unknown_binding(env: Any) -> Any:
    return env.NOTHING


async def silent_fetch(env: Any, name: str) -> Any:
    return (await env.SILENT.get_by_name(name).fetch("/")).status


async def overfills(env: Any, name: str) -> None:
    """Send more than may wait for an object, until one is refused."""
    stub = env.WORKER.get_by_name(name)
    calls = [asyncio.ensure_future(stub.takes(bytes(1 << 20))) for _ in range(10)]
    done, waiting = await asyncio.wait(calls, return_when=asyncio.FIRST_EXCEPTION)
    for call in waiting:
        call.cancel()
    for call in done:
        await call
