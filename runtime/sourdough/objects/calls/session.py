"""One side of a call through which things were passed by reference.

A call whose arguments or result hold such things has a session: one `Session` on each side, and
between them whatever carries messages (`wire.references`) in order: the stream of the call, or
nothing inside one process. It lasts until neither side holds anything any more.

    open --nothing is held, no call is under way--> idle (the caller's side ends it)
      `--the other side, its object, or the link is gone--> ended: what is used raises that error

What a side lends out runs on behalf of its owner, an object or a request that the entrypoint
answers: as events of it, behind its gates.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any
from weakref import WeakValueDictionary

from sourdough.errors import DurableObjectError
from sourdough.objects import chain
from sourdough.objects.calls.addresses import address_of, restored
from sourdough.objects.calls.departure import came_back, is_held, pass_gate
from sourdough.objects.calls.production import Production
from sourdough.objects.calls.remote import RemoteIterator, RemoteReference
from sourdough.objects.calls.sending import encode_arguments, encode_result
from sourdough.objects.event import Event, ReferenceEvent, current_event
from sourdough.objects.failure import decode_error, encode_error
from sourdough.values import REFERENCING, decode, decode_referencing
from sourdough.wire.references import (
    Cancel,
    Ended,
    Invoke,
    Item,
    Message,
    Pull,
    Raised,
    Release,
    Returned,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from sourdough.http import Response
    from sourdough.objects.calls.stub import Caller
    from sourdough.objects.event import BeforeChunk
    from sourdough.objects.owner import Kept, Owner

CONTEXT_GONE = "The execution context which hosts this callback is no longer running."


class Session:
    """One side of a session."""

    def __init__(self, owner: Owner, caller: Caller) -> None:
        """owner: runs what this side lends. caller: of the stubs that arrive."""
        self._owner = owner
        self._post: Callable[[Message], None] | None = None
        self._lent: dict[int, Any] = {}
        self._times: dict[int, int] = {}
        self._numbers: dict[int, int] = {}
        self._sent: list[int] = []
        self._held: WeakValueDictionary[int, RemoteReference] = WeakValueDictionary()
        self._holds = 0
        self._waiting: dict[int, asyncio.Future[bytes]] = {}
        self._running: dict[int, Event] = {}
        self._last = 0
        self._keep: Kept | None = None
        self._productions: dict[int, Production] = {}
        self.caller = caller
        self.at_gate: asyncio.Future[None] | None = None
        self.on_idle: Callable[[], None] | None = None
        """Called when nothing is held on either side, as far as this one can tell."""
        self.error: BaseException | None = None
        """Why it has ended."""
        owner.attach(self)

    @property
    def idle(self) -> bool:
        """Whether nothing is held and nothing is under way."""
        return not (self._lent or self._holds or self._waiting or self._running)

    def attach(self, post: Callable[[Message], None]) -> None:
        """Say where messages go; until then none are sent."""
        self._post = post

    def post(self, message: Message) -> None:
        """Send a message; after the end nobody would read it."""
        if self._post is not None and self.error is None:
            self._post(message)

    def unheard(self) -> None:
        """The call is over: where the other side never looked at what it was sent, nobody will."""
        if self._post is None:
            self.end(gone_error())

    # --- what this side lends

    def export(self, value: Any) -> int:
        """Return the number of something that stays here."""
        if self.error is not None:
            return 0  # nobody will ever see it
        number = self._numbers.get(id(value))
        if number is None:
            self._last = number = self._last + 1
            self._numbers[id(value)] = number
            self._lent[number] = value
            if hasattr(type(value), "__anext__"):
                self._productions[number] = Production(self, self._owner, number, value)
            self._times[number] = 0
            if self._keep is None:
                self._keep = self._owner.keep("a live reference")
        self._times[number] += 1
        self._sent.append(number)
        return number

    def encode_arguments(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> bytes:
        """Encode arguments, lending what is no data. Raises TypeError, naming the place."""
        return self._lending(lambda: encode_arguments(args, kwargs, self))

    def encode(self, value: Any) -> bytes:
        """Encode a result or an item. Raises TypeError, naming the place."""
        return self._lending(lambda: encode_result(value, self))

    def _lending(self, encode: Callable[[], bytes]) -> bytes:
        self._sent.clear()
        try:
            return encode()
        except BaseException:
            # Nobody will ever hear of them.
            for number in self._sent:
                self._released(number, 1)
            raise

    def address_of(self, value: Any) -> list[Any] | None:
        """Return what to write for a part that is no data, None where it cannot travel."""
        return address_of(value, self.export)

    def _released(self, number: int, times: int) -> None:
        """The other side has let go of what came so often; it may be on its way once more."""
        if number in self._times:
            self._times[number] -= times
            if self._times[number] <= 0:
                self._take_back(number)

    def _take_back(self, number: int) -> None:
        self._times.pop(number, None)
        value = self._lent.pop(number, None)
        self._numbers.pop(id(value), None)
        production = self._productions.pop(number, None)
        if production is not None:
            production.stop()
        if not self._lent and self._keep is not None:
            self._keep.release()
            self._keep = None

    # --- what this side holds

    def held(self, reference: RemoteReference) -> RemoteReference:
        """Note something that the other side has lent; the same thing is the same reference."""
        number = reference._number  # noqa: SLF001 (made for us)
        known = self._held.get(number)
        if known is not None:
            reference._session = None  # noqa: SLF001
            known._times += 1  # noqa: SLF001
            return known
        self._held[number] = reference
        self._holds += 1
        if self.error is not None and isinstance(reference, RemoteIterator):
            reference.end(self.error)
        return reference

    def release(self, number: int, times: int, held: RemoteReference | None = None) -> None:
        """A reference of this side is not needed any more; `held`: where it is still there."""
        if self.error is None:
            self._holds -= 1
            if held is not None and self._held.get(number) is held:
                del self._held[number]
            self.post(Release(number, times))
            self.settle()

    def decode(self, data: bytes) -> Any:
        """Return the value that the other side has encoded."""
        if data[:1] != REFERENCING:
            return decode(data)
        return decode_referencing(data, lambda address: restored(address, self))

    def discard(self, data: bytes) -> None:
        """Nobody wants a value that has come: what it refers to is released."""
        if data[:1] == REFERENCING and self.error is None:
            self.decode(data)

    async def call(
        self,
        _held: RemoteReference,
        number: int,
        path: str,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        *,
        reads: bool = False,
    ) -> Any:
        """Call what the other side has lent under `number`. `_held` is kept until it has answered."""
        self._check()
        caller = current_event.get()
        chained = chain.pack(chain.chain_of_call(caller))
        arguments = self.encode_arguments(args, kwargs)
        gate = pass_gate(self)
        if gate is not None:
            await gate
        self._check()
        self._last = invocation = self._last + 1
        answer: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self._waiting[invocation] = answer
        self.post(Invoke(invocation, number, path, reads, arguments, chained))
        try:
            return self.decode(await answer)
        except asyncio.CancelledError:
            self.post(Cancel(invocation))
            if answer.done() and not answer.cancelled() and answer.exception() is None:
                self.discard(answer.result())  # it had come, and nobody takes it
            raise
        finally:
            self._waiting.pop(invocation, None)
            self.settle()
            if is_held(caller):
                await came_back(caller, None)

    def _check(self) -> None:
        if self.error is not None:
            raise self.error

    # --- what arrives

    def receive(self, message: Message) -> None:
        """Take a message of the other side."""
        if self.error is not None:
            return
        match message:
            case Invoke():
                self._invoke(message)
            case Returned(number, value):
                answer = self._waiting.get(number)
                if answer is not None and not answer.done():
                    answer.set_result(value)
                else:
                    self.discard(value)
            case Raised(number, error):
                answer = self._waiting.get(number)
                if answer is not None and not answer.done():
                    answer.set_exception(decode_error(error))
            case Cancel(number):
                if number in self._running:
                    self._running[number].cancel()
            case Release(number, times):
                self._released(number, times)
            case _:
                self._iterate(message)
        self.settle()

    def _invoke(self, message: Invoke) -> None:
        reply = Invocation(self, message.number)
        target = self._lent.get(message.reference)
        if target is None or not self._owner.alive:
            reply.failed(gone_error())
            return
        event = ReferenceEvent(
            reply, self._owner.number, self._owner.version, None,
            message.path, message.arguments, time.monotonic(),
        )  # fmt: skip
        event.target, event.reads = target, message.reads
        event.chain = chain.unpack(message.chain)
        self._running[message.number] = event
        self._owner.deliver(event)

    def ended(self, number: int) -> None:
        """An invocation has been answered."""
        self._running.pop(number, None)
        self.settle()

    def _iterate(self, message: Message) -> None:
        if isinstance(message, Pull):
            production = self._productions.get(message.reference)
            if production is not None:
                production.grant(message.amount)
            else:
                # Its end was told, perhaps before the holder had looked at what it was given.
                self.produced(message.reference, self._owner.ending() or gone_error())
            return
        if not isinstance(message, Item | Ended):
            return
        held = self._held.get(message.reference)
        if isinstance(held, RemoteIterator):
            if isinstance(message, Item):
                held.take(message)
            else:
                held.end(decode_error(message.error) if message.error else None)
        elif isinstance(message, Item):
            self.discard(message.value)

    def produced(self, number: int, error: BaseException | None) -> None:
        """An iterator of this side has come to its end."""
        self.post(Ended(number, b"" if error is None else encode_error(error, log=True)))
        production = self._productions.pop(number, None)
        if production is not None and error is not None:
            production.stop()

    # --- the end

    def settle(self) -> None:
        """Say so when nothing is left."""
        if self.on_idle is not None and self.error is None and self.idle:
            self.on_idle()

    def withdraw(self) -> None:
        """The owner of this side has ended: it lends and holds nothing any more."""
        self._let_go()
        for number in list(self._lent):
            self._take_back(number)
        self.settle()

    def orphan(self) -> None:
        """The instance of this side is dead: it holds nothing, and whoever uses what it has lent,
        until that is released, hears so.
        """
        self._let_go()
        self._lent = dict.fromkeys(self._lent)
        self._numbers.clear()
        self.settle()

    def _let_go(self) -> None:
        for held in list(self._held.values()):
            held.release()
        for number in list(self._productions):
            self.produced(number, self._owner.ending() or gone_error())

    def end(self, error: BaseException) -> None:
        """Nothing goes through any more: what is used raises `error`. More than once is fine."""
        if self.error is not None:
            return
        self.error = error
        for answer in self._waiting.values():
            if not answer.done():
                answer.set_exception(error)
        for held in list(self._held.values()):
            if isinstance(held, RemoteIterator):
                held.end(error)
        for event in list(self._running.values()):
            event.cancel()
        for number in list(self._lent):
            self._take_back(number)


class Invocation:
    """The way back from something that was passed by reference; see `objects.event.Reply`."""

    __slots__ = ("_done", "_number", "_session")

    def __init__(self, session: Session, number: int) -> None:
        self._session = session
        self._number = number
        self._done = False

    def returned(self, value: bytes) -> None:
        self._answer(Returned(self._number, value))

    def failed(self, error: BaseException) -> None:
        self._answer(Raised(self._number, encode_error(error, log=True)))

    def session(self, _owner: Owner) -> Session:
        return self._session

    def respond(self, response: Response) -> None:
        raise NotImplementedError("a reference is called, and not sent requests")

    async def stream(self, response: Response, before_chunk: BeforeChunk) -> None:
        raise NotImplementedError("a reference is called, and not sent requests")

    def _answer(self, message: Message) -> None:
        if not self._done:
            self._done = True
            self._session.post(message)
            self._session.ended(self._number)


def gone_error() -> DurableObjectError:
    """The error of a reference whose owner is no more (semantics 2.9)."""
    return DurableObjectError(CONTEXT_GONE, durable_object_reset=True)
