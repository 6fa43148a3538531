"""The measure: an ASGI application that answers by itself, under uvicorn."""

from __future__ import annotations

_TYPE = (b"content-type", b"text/plain; charset=utf-8")
_HEADERS = [_TYPE, (b"content-length", b"13")]
# As much as the object `Busy` computes.
COMPUTED = 10_000

_counts: dict[str, int] = {}


async def app(scope, receive, send):
    if scope["type"] != "http":
        return
    path = scope["path"]
    if path == "/":
        await send({"type": "http.response.start", "status": 200, "headers": _HEADERS})
        await send({"type": "http.response.body", "body": b"Hello, world!"})
    elif path.startswith("/memory/"):
        _counts[path] = _counts.get(path, 0) + 1
        await _say(send, _counts[path])
    elif path.startswith("/busy/"):
        await _say(send, sum(number * number for number in range(COMPUTED)))
    else:
        await send({"type": "http.response.start", "status": 404, "headers": []})
        await send({"type": "http.response.body"})


async def _say(send, number):
    body = b"%d" % number
    headers = [_TYPE, (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})
