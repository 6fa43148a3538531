"""`sourdough.fetch`: an HTTP request to the world outside.

It leaves when the commits that the calling object has made so far are durable, uses a connection
of the process's pool, and is never sent twice by us.
"""

from __future__ import annotations

import asyncio
import json as _json
from contextvars import Context, copy_context
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from sourdough.http import Headers, Request, Response
from sourdough.outgoing import pool
from sourdough.outgoing.answer import received
from sourdough.outgoing.failure import not_answered, too_late
from sourdough.outgoing.gate import calling_object, gated, pass_gate
from sourdough.outgoing.timeouts import ANSWER_SECONDS, CONNECT_SECONDS

if TYPE_CHECKING:
    import httpx2

    from sourdough.http.headers import HeadersInit
    from sourdough.objects.container import Container

# How a message is framed on one connection is decided anew for the next.
_OF_TRAVEL = frozenset({
    "connection", "host", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding",
    "upgrade",
})  # fmt: skip
_SCHEMES = ("http://", "https://")


async def fetch(
    url: str | Request,
    *,
    method: str | None = None,
    headers: Headers | HeadersInit | None = None,
    body: Any = None,
    json: Any = None,
    timeout: float | None = ANSWER_SECONDS,  # noqa: ASYNC109 (a part of it, not the whole)
    follow_redirects: bool = True,
) -> Response:
    """Send an HTTP request and return the answer, whose body arrives while it is read.

    url: absolute; or a Request, whose method, headers and body count where none are given here.
    body: str, bytes, or an async iterator of them, sent piece by piece. json: instead, a value.
    timeout: seconds until the answer's head, and again between two pieces of its body; None waits
    for ever. follow_redirects: up to 20, as browsers do; without, a redirect is an answer.

    The request waits for the calling object's commits (semantics 4.2.2). Status codes are no
    errors. Raises ValueError for what is no request, FetchError when no answer came: `.retryable`
    where nothing of it was sent.
    """
    request = _request(url, method, headers, body, json)
    container = calling_object()
    await pass_gate(container)
    client = await pool.client()
    streamed = not request.complete
    outgoing = _build(client, request, container, timeout)
    hold = None if container is None else container.keep("an outgoing request")
    try:
        answer = await _send(
            client, outgoing, timeout, follow_redirects=follow_redirects, streamed=streamed
        )
    except BaseException:
        if hold is not None:
            hold.release()
        raise
    return received(answer, hold)


def _request(url: str | Request, method: str | None, headers: Any, body: Any, json: Any) -> Request:
    if body is not None and json is not None:
        raise ValueError("a request has a body or json, not both")
    made = url if isinstance(url, Request) else None
    text = _url_of(url)
    merged = Headers(made.headers if headers is None and made is not None else headers)
    if json is not None:
        body = _json.dumps(json, ensure_ascii=False, separators=(",", ":"))
        if "content-type" not in merged:
            merged.append("content-type", "application/json")
    elif body is None and made is not None:
        body = made.take_body()
    elif isinstance(body, str) and "content-type" not in merged:
        merged.append("content-type", "text/plain; charset=utf-8")
    verb = method or (made.method if made is not None else "GET")
    return Request(text, method=verb, headers=merged, body=body)


def _url_of(url: str | Request) -> str:
    if isinstance(url, Request) and "host" not in url.headers:
        text = url.target
    else:
        text = url.url if isinstance(url, Request) else url
    server = urlsplit(text).netloc if text.lower().startswith(_SCHEMES) else ""
    if not server:
        raise ValueError(f"fetch() takes a URL with http:// or https:// and a host, not {text!r}")
    if "@" in server:
        raise ValueError("fetch() takes user and password as an authorization header, not in a URL")
    return text


def _build(
    client: httpx2.AsyncClient,
    request: Request,
    container: Container | None,
    timeout: float | None,
) -> httpx2.Request:
    import httpx2  # noqa: PLC0415 (imported by now; see outgoing.pool)

    body = request.take_body()
    streamed = not isinstance(body, bytes)
    dropped = _OF_TRAVEL if streamed else _OF_TRAVEL | {"content-length"}
    pairs = [pair for pair in request.headers.items() if pair[0].lower() not in dropped]
    connect = CONNECT_SECONDS if timeout is None else min(CONNECT_SECONDS, timeout)
    try:
        return client.build_request(
            request.method,
            request.url,
            headers=pairs,
            content=gated(body, container) if not isinstance(body, bytes) else body or None,
            timeout=httpx2.Timeout(timeout, connect=connect),
        )
    except httpx2.InvalidURL as error:
        raise ValueError(f"fetch() cannot use this URL: {error}") from None


async def _send(
    client: httpx2.AsyncClient,
    request: httpx2.Request,
    seconds: float | None,
    *,
    follow_redirects: bool,
    streamed: bool,
) -> httpx2.Response:
    import httpx2  # noqa: PLC0415 (imported by now; see outgoing.pool)

    # In a context of its own: a connection outlives the object that opened it. But a body that is
    # made while it is sent is made by the caller.
    sending = asyncio.Task(
        client.send(request, stream=True, follow_redirects=follow_redirects),
        loop=asyncio.get_running_loop(),
        context=copy_context() if streamed else Context(),
    )
    try:
        async with asyncio.timeout(seconds):
            return await sending
    except TimeoutError:
        raise too_late(request.url, seconds or 0.0) from None
    except (httpx2.HTTPError, httpx2.StreamError, OSError) as error:
        raise not_answered(request.url, error) from error
