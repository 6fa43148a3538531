"""Sourdough: Durable Objects for Python, on your own machine.

A Durable Object is an instance of a class with an id, its own SQLite database and exactly one
live copy. Write a class, name it in `sourdough.toml`, run `sourdough dev`.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from sourdough.apps.threads import run
from sourdough.errors import (
    CallTimeoutError,
    DeadlockError,
    DurableObjectError,
    FetchError,
    QuarantinedError,
    RemoteError,
    SourdoughError,
    StorageClosedError,
    StorageError,
    StorageFullError,
    WebSocketClosedError,
    WebSocketError,
)
from sourdough.http import Headers, Request, Response
from sourdough.ids import ObjectId
from sourdough.objects.calls.namespace import DurableObjectNamespace, Env
from sourdough.objects.calls.stub import RemoteStub
from sourdough.objects.calls.target import RpcTarget
from sourdough.objects.context import DurableObjectState
from sourdough.objects.controller import ScheduledController
from sourdough.objects.durable_object import DurableObject, WorkerEntrypoint
from sourdough.objects.facets.start import FacetStart
from sourdough.objects.facets.stub import FacetStub
from sourdough.objects.shutdown import ShutdownReason
from sourdough.objects.web_sockets.restored import RestoredSocket
from sourdough.outgoing.connect import connect
from sourdough.outgoing.fetch import fetch
from sourdough.sockets import (
    CloseEvent,
    ErrorEvent,
    MessageEvent,
    WebSocket,
    WebSocketPair,
    WebSocketRequestResponsePair,
)

if TYPE_CHECKING:
    from sourdough.library.cluster import ClusterCoordinator
    from sourdough.library.route import route
    from sourdough.library.serving import serve

__all__ = [
    "CallTimeoutError",
    "CloseEvent",
    "ClusterCoordinator",
    "DeadlockError",
    "DurableObject",
    "DurableObjectError",
    "DurableObjectNamespace",
    "DurableObjectState",
    "Env",
    "ErrorEvent",
    "FacetStart",
    "FacetStub",
    "FetchError",
    "Headers",
    "MessageEvent",
    "ObjectId",
    "QuarantinedError",
    "RemoteError",
    "RemoteStub",
    "Request",
    "Response",
    "RestoredSocket",
    "RpcTarget",
    "ScheduledController",
    "ShutdownReason",
    "SourdoughError",
    "StorageClosedError",
    "StorageError",
    "StorageFullError",
    "WebSocket",
    "WebSocketClosedError",
    "WebSocketError",
    "WebSocketPair",
    "WebSocketRequestResponsePair",
    "WorkerEntrypoint",
    "connect",
    "fetch",
    "route",
    "run",
    "serve",
]

# The library brings coordinator and gateway along, which hosts and commands do without.
_OF_THE_LIBRARY = {
    "ClusterCoordinator": "sourdough.library.cluster",
    "route": "sourdough.library.route",
    "serve": "sourdough.library.serving",
}


def __getattr__(name: str) -> Any:
    module = _OF_THE_LIBRARY.get(name)
    if module is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(module), name)
