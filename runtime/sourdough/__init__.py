"""Sourdough: Durable Objects for Python, on your own machine.

A Durable Object is an instance of a class with an id, its own SQLite database and exactly one
live copy. Write a class, name it in `sourdough.toml`, run `sourdough dev`.
"""

from __future__ import annotations

from sourdough.errors import (
    DurableObjectError,
    RemoteError,
    SourdoughError,
    StorageClosedError,
    StorageError,
)
from sourdough.http import Headers, Request, Response
from sourdough.ids import ObjectId
from sourdough.objects.context import DurableObjectState
from sourdough.objects.durable_object import DurableObject, WorkerEntrypoint
from sourdough.objects.namespace import DurableObjectNamespace, Env, RemoteStub

__all__ = [
    "DurableObject",
    "DurableObjectError",
    "DurableObjectNamespace",
    "DurableObjectState",
    "Env",
    "Headers",
    "ObjectId",
    "RemoteError",
    "RemoteStub",
    "Request",
    "Response",
    "SourdoughError",
    "StorageClosedError",
    "StorageError",
    "WorkerEntrypoint",
]
