"""What stubs do: deliver a request or a method call to an object here or in another host.

An object of this host is reached without leaving the process; any other over the direct link to
its host. Either way nothing leaves before the commits that the caller has made are durable
(output gate, semantics 4.2.2).
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any

from sourdough.errors import DurableObjectError
from sourdough.host.incoming import ERROR
from sourdough.host.local_reply import LocalReply
from sourdough.host.order import Order, OrderedCall
from sourdough.host.upload import Upload
from sourdough.http import BodyError, BodyReader, Request, Response
from sourdough.http.body import WatchedBody
from sourdough.objects.event import Event, current_event
from sourdough.objects.failure import decode_error
from sourdough.objects.methods import encode_limited
from sourdough.placement import slot_of_key
from sourdough.values import decode
from sourdough.wire.frames import END, INLINE_BODY, ResetCode
from sourdough.wire.heads import SECURE, Kind, RequestHead, decode_answer

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from sourdough.host.host import Host
    from sourdough.http.body import BodySource
    from sourdough.objects.container import Container
    from sourdough.transport.peers import Peers


class Answered:
    """An answer as it came: status, header block, body (whole or still arriving).

    cancel: tells the other host that nobody wants the rest of the body.
    """

    __slots__ = ("block", "body", "cancel", "status")

    def __init__(
        self,
        status: int,
        block: bytes,
        body: bytes | BodyReader,
        cancel: Callable[[], None],
    ) -> None:
        self.status = status
        self.block = block
        self.body = body
        self.cancel = cancel


class RemoteCall(OrderedCall):
    """An event sent to another host by a stub of this one."""

    __slots__ = ("_body", "_head", "_order", "_upload", "answer")

    def __init__(
        self,
        head: RequestHead,
        answer: asyncio.Future[Answered | None],
        order: Order,
        *,
        body: BodySource | None,
    ) -> None:
        super().__init__(slot_of_key(head.key), body is not None, head.version)
        self._head = head
        self._order = order
        self.answer = answer
        self._upload = None if body is None else Upload(self, body, self._body_failed)
        self._body: BodyReader | None = None

    def depart(self) -> None:
        """Go, when it is this call's turn among those of its stub (invariant D4)."""
        self._order.send(self)

    def on_reset(self, code: int, sentence: str) -> None:
        if code == ResetCode.NOT_OWNER:
            self._order.refused(self)
        else:
            super().on_reset(code, sentence)

    def cancel(self) -> None:
        super().cancel()
        self._order.answered(self)

    def encode(self) -> bytes:
        self._head.version, self._head.epoch = self.version, self.epoch
        return self._head.encode()

    def on_granted(self, amount: int) -> None:
        if self._upload is not None:
            self._upload.start()

    def on_writable(self) -> None:
        if self._upload is not None:
            self._upload.writable()

    def close(self) -> None:
        super().close()
        if self._upload is not None:
            self._upload.stop()

    def on_head(self, flags: int, status: int, payload: bytes) -> None:
        block, body, _ = decode_answer(payload)
        self._order.answered(self)
        if self.answer.done():  # the caller was cancelled
            self.reset(ResetCode.CANCELLED)
        elif flags & END:
            self.close()
            self.answer.set_result(Answered(status, block, body, self.cancel))
        else:
            self._body = BodyReader(self.consumed)
            self.answer.set_result(Answered(status, block, self._body, self.cancel))

    def on_body(self, chunk: bytes, end: bool) -> None:
        if self._body is not None:
            self._body.feed(chunk, end)
        if end:
            self.close()

    def _body_failed(self, error: Exception) -> None:
        if not self.answer.done():
            self.answer.set_exception(error)

    def on_failed(self, code: ResetCode, sentence: str) -> None:
        self._order.answered(self)
        if self._upload is not None:
            self._upload.stop()
        if self._body is not None:
            self._body.fail(sentence)
        elif not self.answer.done():
            self.answer.set_exception(_call_error(code, sentence))

    def became_local(self) -> None:
        """The object's seat is now ours: the caller goes on inside this process."""
        self._order.answered(self)
        if not self.answer.done():
            self.answer.set_result(None)


class Calls:
    """The `Caller` behind every stub of this host."""

    def __init__(self, host: Host, peers: Peers) -> None:
        self._host = host
        self._peers = peers

    def new_order(self) -> Order:
        """Return the order of a new stub's calls."""
        return Order(self._peers)

    async def fetch(self, key: bytes, name: str | None, request: Request, order: Order) -> Response:
        """Send a request to an object; see `objects.namespace.Caller`."""
        await _pass_gate(order)
        body = _gated(request.take_body())
        while True:
            if order.idle and self._host.runs_here(key, self._origin()[1]):
                return await self._fetch_here(key, name, request, body)
            answered = await self._send(
                RequestHead(
                    kind=Kind.FETCH,
                    key=key,
                    name=_encode_name(name),
                    method=request.method.encode(),
                    target=request.target.encode("latin-1"),
                    headers=request.header_block(),
                    flags=SECURE if request.secure else 0,
                ),
                body,
                order,
            )
            if answered is not None:
                if answered.status == ERROR:
                    raise await _error_of(answered)
                body = answered.body
                if isinstance(body, BodyReader):
                    body = WatchedBody(body, answered.cancel)
                return Response.received(status=answered.status, block=answered.block, body=body)

    async def call(
        self,
        key: bytes,
        name: str | None,
        method: str,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        order: Order,
    ) -> Any:
        """Call a method of an object; see `objects.namespace.Caller`."""
        arguments = encode_limited((args, kwargs))
        await _pass_gate(order)
        while True:
            if order.idle and self._host.runs_here(key, self._origin()[1]):
                return await self._call_here(key, name, method, arguments)
            head = RequestHead(
                kind=Kind.CALL, key=key, name=_encode_name(name), method=method.encode()
            )
            answered = await self._send(head, arguments, order)
            if answered is not None:
                return await _result(answered)

    # --- in this process

    async def _fetch_here(
        self, key: bytes, name: str | None, request: Request, body: BodySource
    ) -> Response:
        received = Request.received(
            request.method.encode(),
            request.target.encode("latin-1"),
            b"",
            request.header_block(),
            body,
            request.secure,
            self._origin()[0],
        )
        answer: asyncio.Future[Response | bytes] = asyncio.get_running_loop().create_future()
        answer.add_done_callback(lambda done: received.leave() if done.cancelled() else None)
        number, version = self._origin()
        event = Event(LocalReply(answer), number, version, received, started=time.monotonic())
        self._host.registry.deliver(key, _encode_name(name), event)
        response = await answer
        assert isinstance(response, Response)
        return response

    async def _call_here(self, key: bytes, name: str | None, method: str, arguments: bytes) -> Any:
        answer: asyncio.Future[Response | bytes] = asyncio.get_running_loop().create_future()
        number, version = self._origin()
        event = Event(
            LocalReply(answer), number, version, None, method, arguments, time.monotonic()
        )
        self._host.registry.deliver(key, _encode_name(name), event)
        value = await answer
        assert isinstance(value, bytes)
        return decode(value)

    def _origin(self) -> tuple[int, int]:
        """Return the request number and the table version that a nested event inherits."""
        event = current_event.get()
        if event is None:
            return 0, self._peers.table.version
        return event.number, event.version

    # --- to another host

    async def _send(self, head: RequestHead, body: BodySource, order: Order) -> Answered | None:
        head.number, head.version = self._origin()
        whole = isinstance(body, bytes) and len(body) <= INLINE_BODY
        if isinstance(body, bytes) and whole:
            head.body = body
        answer: asyncio.Future[Answered | None] = asyncio.get_running_loop().create_future()
        call = RemoteCall(head, answer, order, body=None if whole else body)
        call.depart()
        try:
            return await answer
        except asyncio.CancelledError:
            call.cancel()
            raise


async def _pass_gate(order: Order) -> None:
    """Wait for the commits that the calling object has made so far (output gate).

    In order: a later call of the same stub must not find them durable and overtake (invariant D4).
    """
    container = _calling_object()
    waiter = None if container is None else container.confirmed()
    before = order.at_gate
    if waiter is None and before is None:
        return
    passed = order.at_gate = asyncio.get_running_loop().create_future()
    try:
        if before is not None:
            await asyncio.wait([before])
        if waiter is not None:
            await waiter
    finally:
        passed.set_result(None)
        if order.at_gate is passed:
            order.at_gate = None


def _calling_object() -> Container | None:
    event = current_event.get()
    return None if event is None else event.container


def _gated(body: BodySource) -> BodySource:
    """Return a request's body whose chunks pass the output gate of the object that sends it."""
    container = _calling_object()
    if isinstance(body, bytes) or container is None:
        return body
    return _pass_chunks(body, container)


async def _pass_chunks(body: AsyncIterator[bytes], container: Container) -> AsyncIterator[bytes]:
    try:
        async for chunk in body:
            waiter = container.confirmed()
            if waiter is not None:
                await waiter
            yield chunk
    finally:
        # A generator of the user ends now, not when it is collected.
        close = getattr(body, "aclose", None)
        if close is not None:
            await close()


async def _result(answered: Answered) -> Any:
    if answered.status == ERROR:
        raise await _error_of(answered)
    return decode(await _whole(answered.body))


async def _error_of(answered: Answered) -> BaseException:
    return decode_error(await _whole(answered.body))


async def _whole(body: bytes | BodyReader) -> bytes:
    return body if isinstance(body, bytes) else b"".join([chunk async for chunk in body])


def _encode_name(name: str | None) -> bytes | None:
    return None if name is None else name.encode()


def _call_error(code: ResetCode, sentence: str) -> Exception:
    if code == ResetCode.OVERLOADED:
        return DurableObjectError(sentence, overloaded=True)
    if code == ResetCode.FAILED:
        return BodyError(sentence)
    return DurableObjectError(f"Network connection lost. ({sentence})", retryable=True)
