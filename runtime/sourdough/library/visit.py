"""A request that came through somebody else's ASGI server, and the answer on its way back.

The other way round is `apps`, where an ASGI app answers inside of an object.
"""

from __future__ import annotations

import asyncio
import json
import logging
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from sourdough.http import BodyError, Headers, Request, Response
from sourdough.objects.failure import http_failure

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping

    from sourdough.http.body import BodySource

    Scope = MutableMapping[str, Any]
    Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
    Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

log = logging.getLogger("sourdough.library")

# A declared body up to this size is taken whole: it then travels with its head.
_WHOLE_BYTES = 64 * 1024
# Headers of one connection, which is the server's business in front of us.
_HOP_BY_HOP = frozenset({
    b"connection", b"keep-alive", b"proxy-connection", b"te", b"trailer", b"transfer-encoding",
    b"upgrade",
})  # fmt: skip
_NO_CONTENT = frozenset({204, 304})


class Visit:
    """One request of an ASGI server."""

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._scope = scope
        self._receive = receive
        self._send = send
        self._read = asyncio.Event()
        """The request's body is read to its end: what comes next is that the client leaves."""

    async def answer(self, respond: Callable[[Request], Awaitable[Response]]) -> None:
        """Answer with what `respond` returns, or with the error it raises.

        A client that leaves ends this; the object's work goes on (invariant D7). Raises what the
        body of an answer raises, so that the server cuts the connection (invariant D3).
        """
        working = asyncio.ensure_future(self._work(respond))
        watching = asyncio.ensure_future(self._left())
        both = (working, watching)
        try:
            await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in both:
                task.cancel()
            await asyncio.gather(*both, return_exceptions=True)
        if not working.cancelled():
            working.result()

    async def _work(self, respond: Callable[[Request], Awaitable[Response]]) -> None:
        try:
            response = await respond(await self._request())
        except BadRequestError as error:
            response = sentence(400, str(error))
        except Exception as error:  # noqa: BLE001 (told to the client as any server does)
            response = failed(error)
        await self._respond(response)

    # --- the request

    async def _request(self) -> Request:
        return request_of(self._scope, self._scope["method"].encode(), await self._body())

    async def _body(self) -> BodySource:
        headers = {name.lower(): value for name, value in self._scope["headers"]}
        length = headers.get(b"content-length", b"")
        if not length.isdigit() and b"transfer-encoding" not in headers:
            length = b"0"
        if length.isdigit() and int(length) <= _WHOLE_BYTES:
            return b"".join([chunk async for chunk in self._chunks()])
        return self._chunks()

    async def _chunks(self) -> AsyncIterator[bytes]:
        more = True
        while more:
            message = await self._receive()
            if message["type"] == "http.disconnect":
                raise BodyError("the client left")
            more = message.get("more_body", False)
            if chunk := message.get("body", b""):
                yield chunk
        self._read.set()

    async def _left(self) -> None:
        await self._read.wait()
        await self._receive()

    # --- the answer

    async def _respond(self, response: Response) -> None:
        status, complete = response.status, response.complete
        headers = [
            (name.lower().encode("latin-1"), value.encode("latin-1"))
            for name, value in response.headers.items()
            if name.lower().encode("latin-1") not in _HOP_BY_HOP
        ]
        body = response.take_body()
        if isinstance(body, bytes) and self._is_measured(status, headers):
            headers.append((b"content-length", b"%d" % len(body)))
        await self._send({"type": "http.response.start", "status": status, "headers": headers})
        if isinstance(body, bytes):
            await self._send({"type": "http.response.body", "body": body})
            return
        assert not complete
        async for chunk in body:
            await self._send({"type": "http.response.body", "body": chunk, "more_body": True})
        await self._send({"type": "http.response.body", "body": b""})

    def _is_measured(self, status: int, headers: list[tuple[bytes, bytes]]) -> bool:
        if status in _NO_CONTENT or self._scope["method"] == "HEAD":
            return False
        return all(name != b"content-length" for name, _ in headers)


class BadRequestError(Exception):
    """The request cannot be passed on; the text is a sentence for the client."""


def request_of(scope: Scope, method: bytes, body: BodySource, block: bytes = b"") -> Request:
    """Return the request of a scope. block: header lines beside its own. Raises BadRequestError."""
    path = scope.get("raw_path") or quote(scope["path"], safe="/%:@!$&'()*+,;=~").encode()
    query = scope.get("query_string", b"")
    client = scope.get("client") or ("",)
    return Request.received(
        method,
        path + b"?" + query if query else path,
        str(client[0]).encode(),
        _block(scope) + block,
        body,
        scope.get("scheme") in {"https", "wss"},
        0,
        _mount(scope.get("root_path", ""), path),
    )


def _block(scope: Scope) -> bytes:
    lines = []
    for name, value in scope["headers"]:
        if b"\r" in value or b"\n" in value or b":" in name:
            raise BadRequestError("A header of the request is malformed.")
        if name.lower() not in _HOP_BY_HOP:
            lines.append(b"%b: %b\r\n" % (name, value))
    return b"".join(lines)


def sentence(status: int, text: str, **fields: str) -> Response:
    """Return an error answer, as the gateway makes them."""
    headers = Headers({"content-type": "application/json"})
    return Response(json.dumps({"error": text, **fields}), status=status, headers=headers)


def failed(error: Exception) -> Response:
    """Return the answer for an error."""
    failure = http_failure(error)
    if failure.status == 500:
        log.error("a request failed", exc_info=error)
    response = sentence(
        failure.status, failure.sentence, **({"hint": failure.hint} if failure.hint else {})
    )
    if failure.retry_after is not None:
        response.headers.append("retry-after", str(failure.retry_after))
    return response


def _mount(root_path: str, path: bytes) -> int:
    """Return how much of a path the framework in front has taken."""
    mounted = quote(root_path, safe="/%:@!$&'()*+,;=~").encode()
    return len(mounted) if path.startswith(mounted) else 0
