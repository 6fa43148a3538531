"""Errands: calls and requests of a person, who asked the coordinator with `sourdough call`.

The errand goes through a stub of this host, so it reaches the object wherever it lives, with the
same guarantees as any other call.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import msgspec

from sourdough.http import Request, Response
from sourdough.ids import ObjectId
from sourdough.objects.calls.methods import is_no_function
from sourdough.objects.calls.sending import encode_limited
from sourdough.objects.calls.stub import Path, RemoteStub
from sourdough.objects.failure import describe
from sourdough.values import decode
from sourdough.wire.messages import Answer, Answered, Errand

if TYPE_CHECKING:
    from collections.abc import Callable

    from sourdough.objects.calls.stub import Caller
    from sourdough.wire.messages import Message

# What a person is shown at most: items of an iterator, bytes of a body.
MAX_ITEMS = 10_000
MAX_BODY = 32 * 1024 * 1024
NOT_DATA = (
    "it has run; what it returned is not data alone (a function, a stub ...): only code has it"
)


class Errands:
    """Runs them."""

    def __init__(self, caller: Caller, tell: Callable[[Message], None]) -> None:
        self._caller = caller
        self._tell = tell

    async def run(self, errand: Errand) -> None:
        """Run an errand and tell what became of it."""
        self._tell(Answer(number=errand.number, result=await self._result(errand)))

    async def _result(self, errand: Errand) -> bytes:
        object_id = ObjectId(errand.id, errand.name)
        stub = RemoteStub(self._caller, errand.namespace, object_id)
        limit = asyncio.timeout(errand.seconds)
        try:
            async with limit:
                if errand.target is None:
                    return msgspec.msgpack.encode(await self._call(stub, errand))
                return msgspec.msgpack.encode(await self._fetch(stub, errand, errand.target))
        except Exception as error:  # noqa: BLE001 (told to the one who asked)
            text = describe(error)[0]
            if limit.expired() and isinstance(error, TimeoutError):
                text = f"no answer within {errand.seconds:g} s; it may go on running"
            return msgspec.msgpack.encode(Answered(error=text))

    @staticmethod
    async def _call(stub: RemoteStub, errand: Errand) -> Answered:
        args, kwargs = decode(errand.body)
        # Not an attribute of the stub: what it has itself is no method of the object.
        named = Path(stub, errand.method)
        try:
            result = await named(*args, **kwargs)
        except TypeError as error:
            if args or kwargs or not is_no_function(error, errand.method):
                raise
            result = await named  # a property; nothing has run yet
        cut = False
        if hasattr(result, "__anext__"):
            result, cut = await _collected(result)
        try:
            return Answered(body=encode_limited(result), cut=cut)
        except TypeError:
            return Answered(error=NOT_DATA)

    @staticmethod
    async def _fetch(stub: RemoteStub, errand: Errand, target: str) -> Answered:
        request = Request(
            target, method=errand.method, headers=list(errand.headers), body=errand.body
        )  # fmt: skip
        response: Response = await stub.fetch(request)
        body = bytearray()
        cut = False
        async for chunk in response.stream():
            body += chunk
            if len(body) > MAX_BODY:
                cut = True
                break
        return Answered(
            body=bytes(body[:MAX_BODY]),
            status=response.status,
            headers=tuple(response.headers.items()),
            cut=cut,
        )


async def _collected(items: Any) -> tuple[list[Any], bool]:
    """Return the first items of an iterator, and whether there were more."""
    found: list[Any] = []
    async for item in items:
        if len(found) == MAX_ITEMS:
            return found, True
        found.append(item)
    return found, False
