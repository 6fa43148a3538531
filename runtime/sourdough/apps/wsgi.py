"""One request inside a WSGI app, which runs in a thread.

    thread: app(environ, start_response) -> pieces      loop: Response, its body a BodyChannel

A list of pieces, or one piece as long as the declared length, is a whole body; anything else is
streamed, each piece as it comes, and the thread waits for who reads.
"""

from __future__ import annotations

import asyncio
import logging
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from typing import TYPE_CHECKING, Any

from sourdough.apps.answer import AppError, Head, read_head
from sourdough.apps.channel import BodyChannel, ClientLeftError, ReadBody
from sourdough.apps.threads import call, serving_loop
from sourdough.http import Response

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterable
    from types import TracebackType

    from sourdough.apps.environ import Environ

log = logging.getLogger("sourdough.apps")

# Requests of one host that run at the same time; more wait for a thread.
THREADS = 64

WsgiApp = Any
"""`def app(environ, start_response)`, which returns an iterable of bytes."""


class WsgiThreads:
    """The threads in which a WSGI app runs; they are started as they are needed."""

    def __init__(self, app: WsgiApp, *, threads: int = THREADS) -> None:
        self._app = app
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="sourdough-wsgi")

    async def serve(
        self,
        environ: Environ,
        spawn: Callable[[Coroutine[Any, Any, None]], object],
    ) -> Response:
        """Return the app's answer; raises what the app raises before it has one.

        spawn: runs what waits for the thread, which may go on after the answer.
        """
        loop = asyncio.get_running_loop()
        exchange = WsgiExchange(loop, is_head=environ["REQUEST_METHOD"] == "HEAD")
        context = copy_context()
        context.run(serving_loop.set, loop)
        running = loop.run_in_executor(self._pool, context.run, exchange.run, self._app, environ)
        spawn(_ended(running))
        return await exchange.answer

    def close(self) -> None:
        """Take no more requests; those that run end by themselves."""
        self._pool.shutdown(wait=False, cancel_futures=True)


async def _ended(running: asyncio.Future[None]) -> None:
    await running


class WsgiExchange:
    """A request in a thread. All but `answer` belongs to the thread."""

    def __init__(self, loop: asyncio.AbstractEventLoop, *, is_head: bool) -> None:
        self.answer: asyncio.Future[Response] = loop.create_future()
        self._loop = loop
        self._is_head = is_head
        self._head: Head | None = None
        self._channel: BodyChannel | None = None
        self._answered = False

    def run(self, app: WsgiApp, environ: Environ) -> None:
        """Run the app to its end. Never raises."""
        try:
            pieces = app(environ, self._start_response)
            try:
                self._send_all(pieces)
            finally:
                close = getattr(pieces, "close", None)
                if close is not None:
                    close()
        except ClientLeftError:
            pass
        except BaseException as error:  # noqa: BLE001 (sys.exit() in an app must not end the host)
            self._fail(error)

    # --- the app's side

    def _start_response(
        self,
        status: str,
        headers: list[tuple[str, str]],
        exc_info: tuple[type[BaseException], BaseException, TracebackType] | None = None,
    ) -> Callable[[bytes], None]:
        if exc_info is not None and self._answered:
            raise exc_info[1].with_traceback(exc_info[2])
        if exc_info is None and self._head is not None:
            raise AppError("the app called start_response() twice")
        number = status[:3] if isinstance(status, str) else ""
        pairs = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers]
        self._head = read_head(int(number) if number.isdigit() else status, pairs)
        return self._send

    def _send_all(self, pieces: Iterable[bytes]) -> None:
        if isinstance(pieces, list | tuple) and self._channel is None:
            self._finish(b"".join(pieces))
            return
        for piece in pieces:
            if piece:
                self._send(piece)
        self._finish(b"")

    # --- the answer

    def _send(self, piece: bytes) -> None:
        """Send a piece of the body: all of it, where the head declared so many bytes."""
        if self._answered and self._channel is None:
            return  # more than was declared, or the body of an answer to HEAD
        if self._channel is None:
            head = self._started()
            if self._is_head or head.length == b"content-length: %d\r\n" % len(piece):
                self._respond(head, b"" if self._is_head else piece)
                return
            channel = self._channel = BodyChannel(lambda: None)
            self._respond(head, ReadBody(channel))
        channel = self._channel
        call(lambda: channel.put(piece))

    def _finish(self, rest: bytes) -> None:
        channel = self._channel
        if channel is not None:
            self._loop.call_soon_threadsafe(channel.end)
        elif not self._answered:
            self._respond(self._started(), b"" if self._is_head else rest)

    def _started(self) -> Head:
        if self._head is None:
            raise AppError("the app did not call start_response() before its body")
        return self._head

    def _respond(self, head: Head, body: Any) -> None:
        self._answered = True
        whole = isinstance(body, bytes) and not self._is_head
        block = head.block if whole else head.block + head.length
        response = Response.received(status=head.status, block=block, body=body)
        self._loop.call_soon_threadsafe(_resolve, self.answer, response)

    def _fail(self, error: BaseException) -> None:
        channel = self._channel
        if channel is not None:
            self._loop.call_soon_threadsafe(channel.fail, error)
        elif self._answered:
            log.error("an app failed after its answer", exc_info=error)
        else:
            self._loop.call_soon_threadsafe(_refuse, self.answer, error)


def _resolve(answer: asyncio.Future[Response], response: Response) -> None:
    if not answer.done():
        answer.set_result(response)


def _refuse(answer: asyncio.Future[Response], error: BaseException) -> None:
    if isinstance(error, StopIteration):  # a future would not take it
        error = AppError("the app raised StopIteration")
    if not answer.done():
        answer.set_exception(error)
