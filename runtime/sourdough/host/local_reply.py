"""The way back to a caller in the same process: what `Incoming` is for one behind a link."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from sourdough.errors import DurableObjectError
from sourdough.host.local_body import Window
from sourdough.http import BodyReader, Response
from sourdough.http.body import WatchedBody
from sourdough.objects.calls.session import Session
from sourdough.objects.failure import decode_error, encode_error
from sourdough.objects.web_sockets.binding import bind_answer

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from sourdough.host.calls import Calls
    from sourdough.http import Request
    from sourdough.objects.container import Container
    from sourdough.objects.event import BeforeChunk, Event
    from sourdough.objects.owner import Owner
    from sourdough.objects.web_sockets.store import SocketStore
    from sourdough.wire.references import Message


class LocalReply:
    """Implements `objects.event.Reply` with a future."""

    __slots__ = ("_answer", "_caller", "_calls", "_dropped", "_far", "_near", "_streaming")

    def __init__(
        self,
        answer: asyncio.Future[Response | bytes],
        calls: Calls,
        caller: Event | None,
        near: Session | None = None,
    ) -> None:
        """caller: the event that calls. near: its side of the session, where it lends something."""
        self._answer: asyncio.Future[Response | bytes] | None = answer
        self._calls = calls
        self._caller = caller
        self._near = near
        self._far: Session | None = None
        self._streaming: asyncio.Task[Any] | None = None
        self._dropped = False

    def respond(self, response: Response) -> None:
        self._resolve(response)

    async def stream(self, response: Response, before_chunk: BeforeChunk) -> None:
        """Hand the body over chunk by chunk; stop when the caller has thrown it away."""
        window = Window()
        reader = BodyReader(window.consumed)
        chunks = response.stream()
        self._streaming = asyncio.current_task()
        try:
            await _confirm(before_chunk)
            if self._waiting is None:  # the caller has left
                return
            body = WatchedBody(reader, self._drop)
            status, block = response.status, response.header_block()
            self._resolve(Response.received(status=status, block=block, body=body))
            del body  # the caller's is the only one: its end is what we watch
            await _pump(chunks, before_chunk, reader, window)
        except asyncio.CancelledError:
            if not self._dropped or self._streaming is None:
                raise
            self._streaming.uncancel()
        finally:
            self._streaming = None
            reader.fail("the response's body was cut short")
            close = getattr(chunks, "aclose", None)
            if close is not None:
                await close()

    @property
    def caller(self) -> Container | None:
        """The object that called, if it was one and still lives."""
        container = None if self._caller is None else self._caller.container
        return None if container is None or container.broken else container

    def session(self, owner: Owner) -> Session:
        """Connect both sides: what one posts the other receives, in a later turn of the loop."""
        if self._far is None:
            loop = asyncio.get_running_loop()
            near, far = self.near, Session(owner, self._calls)

            def to_far(message: Message) -> None:
                loop.call_soon(far.receive, message)

            def to_near(message: Message) -> None:
                loop.call_soon(near.receive, message)

            near.attach(to_far)
            far.attach(to_near)
            self._far = far
            if self._waiting is None:  # the caller has left
                self._let_go()
        return self._far

    @property
    def near(self) -> Session:
        """The caller's side, made when it is first needed."""
        if self._near is None:
            self._near = self._calls.session(self._caller)
        return self._near

    def taken(self) -> None:
        """The caller has decoded the answer, or gave up: the rest is until nothing is held."""
        if self._near is not None:
            self._near.on_idle = self._let_go
            self._near.settle()

    def _let_go(self) -> None:
        over = DurableObjectError("nothing was held any more")
        for side in (self._near, self._far):
            if side is not None:
                side.end(over)

    def given_up(self) -> None:
        """The caller was cancelled: nobody uses what either side has lent."""
        self._let_go()

    def returned(self, value: bytes) -> None:
        self._resolve(value)

    def failed(self, error: BaseException) -> None:
        answer = self._waiting
        if answer is not None:
            # As over a link: what a caller sees must not depend on where its callee lives, and an
            # exit or a StopIteration would do harm in a task of the caller.
            told = decode_error(encode_error(error))
            told.__cause__ = error
            answer.set_exception(told)

    @property
    def _waiting(self) -> asyncio.Future[Response | bytes] | None:
        """What the caller waits for; None when it has its answer or has left."""
        return None if self._answer is None or self._answer.done() else self._answer

    def _resolve(self, value: Response | bytes) -> None:
        answer, self._answer = self._waiting, None
        if answer is not None:
            answer.set_result(value)  # from here on the caller's alone: its end is what we watch

    def _drop(self) -> None:
        if self._streaming is not None and not self._dropped:
            self._dropped = True
            self._streaming.cancel()


class LocalUpgrade(LocalReply):
    """The way back of a client's wish for a WebSocket, which the caller passes on."""

    __slots__ = ("_request", "_sockets")

    def __init__(
        self,
        answer: asyncio.Future[Response | bytes],
        calls: Calls,
        caller: Event | None,
        request: Request,
        sockets: SocketStore,
    ) -> None:
        super().__init__(answer, calls, caller)
        self._request = request
        self._sockets = sockets

    def respond(self, response: Response) -> None:
        bind_answer(response, self._request, self._sockets)
        super().respond(response)


async def _pump(
    chunks: AsyncIterator[bytes], before_chunk: BeforeChunk, reader: BodyReader, window: Window
) -> None:
    async for chunk in chunks:
        await _confirm(before_chunk)
        reader.feed(chunk, end=False)
        await window.sent(len(chunk))
    reader.feed(b"", end=True)


async def _confirm(before_chunk: BeforeChunk) -> None:
    waiter = before_chunk()
    if waiter is not None:
        await waiter
