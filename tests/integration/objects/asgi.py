"""Requests to objects that are answered by an app, for the tests of it."""

from __future__ import annotations

import pytest

from sourdough.http import Request
from sourdough.objects.durable_object import DurableObject
from sourdough.objects.event import Event
from tests.integration.objects.conftest import Waiting


@pytest.fixture
def get(world):
    """Send a request to an object; return the reply whose `answer` is a future."""

    def send(path="/", *, method="GET", body=b"", headers=None, label="a", mount=0, request=None):
        waiting = Waiting()
        if request is None:
            block = "".join(f"{name}: {value}\r\n" for name, value in (headers or {}).items())
            request = Request.received(
                method.encode(), path.encode(), b"10.0.0.7",
                b"host: shop.test:8787\r\n" + block.encode(), body, True, 7, mount,
            )  # fmt: skip
        world.registry.deliver(world.key(label), None, Event(waiting, 7, 1, request))
        return waiting.answer

    return send


async def answer_with(send, body=b"", *, status=200, more=False, headers=()):
    await send({"type": "http.response.start", "status": status, "headers": list(headers)})
    await send({"type": "http.response.body", "body": body, "more_body": more})


def make(application, **members):
    """Return a class whose app is `application`."""
    return type("Room", (DurableObject,), {"app": staticmethod(application), **members})
