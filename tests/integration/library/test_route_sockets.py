"""WebSockets of `route` in somebody else's ASGI server; the object is in a process of its own."""

from __future__ import annotations

import asyncio
import os

import pytest

from sourdough import ClusterCoordinator, route
from tests.integration.library.rooms import Line


class Client:
    """The server's side of ASGI: what it tells the app, and what the app tells it."""

    def __init__(self, app, path, *, denial=True):
        self.to_app: asyncio.Queue = asyncio.Queue()
        self.to_client: asyncio.Queue = asyncio.Queue()
        scope = {
            "type": "websocket", "path": path, "query_string": b"id=lobby", "scheme": "ws",
            "headers": [(b"host", b"test"), (b"upgrade", b"websocket"), (b"x-test", b"1")],
            "extensions": {"websocket.http.response": {}} if denial else {},
        }  # fmt: skip
        self.to_app.put_nowait({"type": "websocket.connect"})
        self.task = asyncio.ensure_future(app(scope, self.to_app.get, self.to_client.put))

    async def next(self):
        async with asyncio.timeout(20):
            return await self.to_client.get()

    def say(self, **message):
        self.to_app.put_nowait({"type": "websocket.receive", **message})


@pytest.fixture
async def lines(tmp_path):
    """A running coordinator with one host, and a route to its objects."""
    coordinator = ClusterCoordinator(host_count=1, storage_dir=tmp_path, standby=False)
    app = route(coordinator, Line)
    async with coordinator:
        app.stub = coordinator.get("lobby", Line)
        yield app


async def test_messages_closes_and_refusals(lines):
    """Both ways, text and bytes; the end of either side; an answer that is no socket."""
    client = Client(lines, "/ws")
    accepted = await client.next()
    assert accepted["type"] == "websocket.accept"
    assert (accepted["subprotocol"], accepted["headers"]) == ("two", [(b"x-line", b"1")])
    name, pid = (await client.next())["text"].split()
    assert (name, int(pid) != os.getpid()) == ("lobby", True)
    client.say(text="one")
    client.say(bytes=b"\x02" * 100_000)
    assert (await client.next())["text"] == "one"
    assert (await client.next())["bytes"] == b"\x02" * 100_000
    client.say(text="leave")
    left = await client.next()
    assert left == {"type": "websocket.close", "code": 4005, "reason": "as you wish"}
    await client.task

    client = Client(lines, "/ws")
    await client.next()
    client.to_app.put_nowait({"type": "websocket.disconnect", "code": 4001, "reason": "enough"})
    await client.task
    async with asyncio.timeout(20):
        while await lines.stub.ended() != [4001, "enough", True]:
            await asyncio.sleep(0.01)

    client = Client(lines, "/closed")
    start, body = await client.next(), await client.next()
    assert (start["status"], body["body"]) == (403, b"not today")
    assert (b"x-why", b"closed") in start["headers"]
    client = Client(lines, "/closed", denial=False)
    assert (await client.next())["type"] == "websocket.close"
