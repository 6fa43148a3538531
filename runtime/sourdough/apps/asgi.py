"""One request inside an ASGI app: `receive` and `send` on one side, a `Response` on the other.

    begin --http.response.start--> started --body, no more--> complete
                                       \\--body, more--> streaming --body, no more--> complete

The app runs in a task of its own, since it may go on after its answer (background tasks). What it
answers is known as soon as its first piece of body is: a whole body becomes a whole response, a
first piece of several a streamed one, under the back-pressure of `BodyChannel`.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any

from sourdough.apps.answer import AppError, Head, read_head
from sourdough.apps.channel import BodyChannel, ClientLeftError, ReadBody
from sourdough.http import BodyError, Response

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Coroutine

    from sourdough.apps.scope import Scope
    from sourdough.http import Request

log = logging.getLogger("sourdough.apps")

Message = dict[str, Any]
AsgiApp = Any
"""`async def app(scope, receive, send)`; the frameworks type it in ways of their own."""

# What frameworks answer for an error that nobody handles, before they raise it to the server: it
# says less than what the server says itself.
_BARE_500 = b"Internal Server Error"

_NO_MORE: Message = {"type": "http.request", "body": b"", "more_body": False}
_DISCONNECT: Message = {"type": "http.disconnect"}


async def serve(
    app: AsgiApp,
    scope: Scope,
    request: Request,
    spawn: Callable[[Coroutine[Any, Any, None]], object],
) -> Response:
    """Return what an app answers to a request; it raises what the app raises before that.

    spawn: runs the app in a task of its own, on behalf of whom the request is for.
    """
    exchange = AsgiExchange(request)
    spawn(exchange.run(app, scope))
    return await exchange.response()


class AsgiExchange:
    """A request and the app's answer to it."""

    __slots__ = (
        "_body", "_channel", "_complete", "_head", "_is_bare_500", "_is_head", "_over", "_raised",
        "_reading", "_request", "_taken", "_waiter",
    )  # fmt: skip

    def __init__(self, request: Request) -> None:
        self._request = request
        self._is_head = request.method == "HEAD"
        self._body: AsyncIterator[bytes] | None = None
        self._taken = False
        self._reading: asyncio.Lock = asyncio.Lock()
        self._head: Head | None = None
        self._channel: BodyChannel | None = None
        self._complete = False
        loop = asyncio.get_running_loop()
        self._waiter: asyncio.Future[Response] | None = loop.create_future()
        self._is_bare_500 = False
        self._raised: BaseException | None = None
        self._over: asyncio.Event = asyncio.Event()
        """The answer is complete, or nobody waits for it: there is nothing more to receive."""
        request.when_left(self._over.set)

    async def response(self) -> Response:
        """Return the answer. Raises what the app raised instead of one."""
        waiter = self._waiter
        assert waiter is not None
        try:
            response = await waiter
        finally:
            # Not kept: a response that is thrown away unread ends the app's stream.
            self._waiter = None
        if self._raised is not None:
            raise self._raised
        return response

    async def run(self, app: AsgiApp, scope: Scope) -> None:
        """Run the app to its end. Never raises but for cancellation."""
        try:
            await app(scope, self.receive, self.send)
            if not self._complete:
                self._fail(AppError("the app ended before its answer was complete"))
        except GeneratorExit:
            raise
        except asyncio.CancelledError:
            self._fail(AppError("the app was cancelled"))
            raise
        except BaseException as error:  # noqa: BLE001 (sys.exit() in an app must not end the host)
            self._fail(error)
        finally:
            self._over.set()

    def _fail(self, error: BaseException) -> None:
        if self._channel is not None and not self._complete:
            self._channel.fail(error)
        elif self._waiter is not None and not self._waiter.done():
            self._waiter.set_exception(error)
        elif self._waiter is not None and self._is_bare_500:
            # Nobody has seen it: the loop has not turned between the answer and the error.
            self._raised = error
        elif not self._request.left:
            log.error("an app failed after its answer", exc_info=error)

    # --- the app's side

    async def receive(self) -> Message:
        """Return the next piece of the request's body, or that the exchange is over."""
        async with self._reading:
            if not self._taken and not self._request.left:
                return await self._next_piece()
        await self._over.wait()
        return _DISCONNECT

    async def _next_piece(self) -> Message:
        if self._body is None:
            body = self._request.take_body()
            if isinstance(body, bytes):
                self._taken = True
                return {"type": "http.request", "body": body, "more_body": False}
            self._body = body
        try:
            chunk = await anext(self._body)
        except StopAsyncIteration:
            self._taken = True
            return _NO_MORE
        except BodyError:
            self._taken = True
            return _DISCONNECT
        return {"type": "http.request", "body": chunk, "more_body": True}

    async def send(self, message: Message) -> None:
        """Take a piece of the answer. Raises AppError, or ClientLeftError in a streamed body."""
        kind = message["type"]
        if kind == "http.response.start" and self._head is None:
            self._head = read_head(message["status"], message.get("headers", ()))
        elif kind == "http.response.body" and self._head is not None and not self._complete:
            body = message.get("body", b"")
            await self._send_body(self._head, body, more=message.get("more_body", False))
        else:
            raise AppError(f"the app sent {kind!r} where it has no place")

    async def _send_body(self, head: Head, body: bytes, *, more: bool) -> None:
        channel = self._channel
        if channel is None:
            if not more:
                self._finish()
                self._respond(head, b"" if self._is_head else bytes(body), streamed=False)
                return
            channel = self._channel = BodyChannel(self._over.set)
            self._respond(head, ReadBody(channel), streamed=True)
        try:
            await channel.put(bytes(body))
        except ClientLeftError:
            # Streams end with their client; work behind a last chunk goes on (invariant D7).
            if more:
                raise
        if not more:
            self._finish()
            channel.end()

    def _finish(self) -> None:
        self._complete = True
        self._over.set()

    def _respond(self, head: Head, body: Any, *, streamed: bool) -> None:
        block = head.block
        if streamed or self._is_head:
            block += head.length
        self._is_bare_500 = head.status == 500 and body == _BARE_500
        if self._waiter is not None and not self._waiter.done():
            response = Response.received(status=head.status, block=block, body=body)
            self._waiter.set_result(response)
