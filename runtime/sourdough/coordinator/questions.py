"""Asks hosts about objects, and waits for the answers."""

from __future__ import annotations

import asyncio
import itertools
from typing import TYPE_CHECKING

import msgspec

from sourdough.errors import SourdoughError
from sourdough.placement import seat_of, slot_of
from sourdough.wire.messages import Answer, Ask, Errand

if TYPE_CHECKING:
    from sourdough.coordinator.supervisor import Supervisor
    from sourdough.coordinator.worker import Worker

# A host that is being replaced is waited for; a person waits at the other end.
_ANSWER_SECONDS = 4.0
_POLL_SECONDS = 0.05


class NoAnswerError(SourdoughError):
    """No host owned the object, or its host said nothing in time; ask again."""


class Questions:
    """The coordinator's half of `Ask` and `Answer`."""

    def __init__(self, supervisor: Supervisor) -> None:
        self._supervisor = supervisor
        self._numbers = itertools.count(1)
        self._open: dict[int, asyncio.Future[bytes | None]] = {}
        """None is the answer of a host that is not the owner."""

    def answered(self, answer: Answer) -> None:
        """Take an answer."""
        future = self._open.pop(answer.number, None)
        if future is None or future.done():
            return
        if answer.moved:
            future.set_result(None)
        elif answer.error is not None:
            future.set_exception(SourdoughError(answer.error))
        else:
            future.set_result(answer.result or b"")

    def owner(self, raw: bytes) -> tuple[int, Worker | None]:
        """Return the seat of an id, and the host that sits there now."""
        seat = seat_of(slot_of(raw), len(self._supervisor.seats))
        worker = self._supervisor.occupant(seat)
        return seat, worker

    async def ask(self, what: str, namespace: str, raw: bytes, *, limit: int = 100) -> bytes:
        """Return the owner's answer. Raises SourdoughError when it says no or says nothing."""
        try:
            async with asyncio.timeout(_ANSWER_SECONDS):
                while True:
                    _, worker = self.owner(raw)
                    if worker is not None and worker.child is not None:
                        found = await self._ask(worker, what, namespace, raw, limit)
                        if found is not None:
                            return found
                    await asyncio.sleep(_POLL_SECONDS)
        except TimeoutError:
            raise NoAnswerError(
                "The host that owns this object did not answer.", hint="Try again in a moment."
            ) from None

    async def remove(self, namespace: str, raw: bytes) -> int:
        """Have the owner delete an object; return the bytes that freed. Raises as `ask`."""
        return msgspec.msgpack.decode(await self.ask("remove", namespace, raw), type=int)

    async def run(self, errand: Errand) -> bytes:
        """Have a host run an errand, once; return what it answered.

        Raises SourdoughError where nobody did, or nobody knows whether it did.
        """
        worker = await self._host_for(errand.id)
        number = next(self._numbers)
        future: asyncio.Future[bytes | None] = asyncio.get_running_loop().create_future()
        self._open[number] = future
        try:
            worker.send(msgspec.structs.replace(errand, number=number))
            while not future.done():
                if worker not in self._supervisor.workers:
                    raise SourdoughError("The host ended meanwhile: it may or may not have run.")
                await asyncio.wait([future], timeout=_POLL_SECONDS)
            return future.result() or b""
        finally:
            self._open.pop(number, None)

    async def _host_for(self, raw: bytes) -> Worker:
        """Return a host that is there: the owner, where its seat is taken."""
        try:
            async with asyncio.timeout(_ANSWER_SECONDS):
                while True:
                    _, worker = self.owner(raw)
                    if worker is not None and worker.child is not None:
                        return worker
                    await asyncio.sleep(_POLL_SECONDS)
        except TimeoutError:
            raise NoAnswerError(
                "No host took this call; it did not run.", hint="Try again in a moment."
            ) from None

    async def _ask(
        self, worker: Worker, what: str, namespace: str, raw: bytes, limit: int
    ) -> bytes | None:
        """Ask one host; None when it is not the owner, or ends before it answers."""
        number = next(self._numbers)
        future: asyncio.Future[bytes | None] = asyncio.get_running_loop().create_future()
        self._open[number] = future
        try:
            worker.send(Ask(number=number, what=what, namespace=namespace, id=raw, limit=limit))
            while not future.done():
                if worker not in self._supervisor.workers:
                    return None
                await asyncio.wait([future], timeout=_POLL_SECONDS)
            return future.result()
        finally:
            self._open.pop(number, None)
