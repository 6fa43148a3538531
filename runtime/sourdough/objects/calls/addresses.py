"""What stands for a thing that travels over RPC without being data: an address of it.

    stub [0, storage name, id, name]         function [1, number]      target [2, number, class]
    iterator [3, number]                     headers [4, block]
    request [5, method, target, block, secure, body]                   response [6, status, block, body]

A number belongs to a session (`objects.calls.session`); a stub means the same object everywhere. The body
of a message is bytes, or an iterator.
"""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING, Any

from sourdough.http import Headers, Request, Response
from sourdough.ids import ObjectId
from sourdough.objects.calls.remote import (
    RemoteFunction,
    RemoteIterator,
    RemoteReference,
    RemoteTarget,
)
from sourdough.objects.calls.stub import RemoteStub
from sourdough.objects.calls.target import RpcTarget
from sourdough.objects.facets.stub import FacetStub

if TYPE_CHECKING:
    from collections.abc import Callable

    from sourdough.objects.calls.session import Session


NO_FACETS = "Stubs pointing to Durable Object facets are not serializable."


class Kind(IntEnum):
    """The first part of an address."""

    STUB = 0
    FUNCTION = 1
    TARGET = 2
    ITERATOR = 3
    HEADERS = 4
    REQUEST = 5
    RESPONSE = 6


_KINDS: tuple[tuple[type | tuple[type, ...], Kind], ...] = (
    (RemoteStub, Kind.STUB),
    ((RpcTarget, RemoteTarget), Kind.TARGET),
    (Headers, Kind.HEADERS),
    (Request, Kind.REQUEST),
    (Response, Kind.RESPONSE),
)


def kind_of(value: Any) -> Kind | None:
    """Return how a value travels that is no data; None: not at all."""
    for types, kind in _KINDS:
        if isinstance(value, types):
            return kind
    if hasattr(type(value), "__anext__"):
        return Kind.ITERATOR
    # A class is callable too; whoever passes one has most likely forgotten to make an instance.
    return Kind.FUNCTION if callable(value) and not isinstance(value, type) else None


def passes(value: Any) -> bool:
    """Say whether a value that is no data travels over RPC, or is refused in words of its own."""
    return isinstance(value, FacetStub) or kind_of(value) is not None


def address_of(value: Any, export: Callable[[Any], int]) -> list[Any] | None:
    """Return the address of a value, None where it has none; `export` numbers what stays here.

    Raises TypeError for the stub of a facet, which is there for the facet's parent alone.
    """
    if isinstance(value, FacetStub):
        raise TypeError(NO_FACETS)
    kind = kind_of(value)
    if kind is None:
        return None
    if kind is Kind.STUB:
        return [int(kind), value._storage_name, value.id.raw, value.id.name]  # noqa: SLF001
    if kind is Kind.HEADERS:
        return [int(kind), value.to_block()]
    if kind is Kind.REQUEST:
        fixed = [value.method, value.target, value.header_block(), value.secure]
        return [int(kind), *fixed, value.take_body()]
    if kind is Kind.RESPONSE:
        return [int(kind), value.status, value.header_block(), value.take_body()]
    name = [_name_of(value)] if kind is Kind.TARGET else []
    return [int(kind), export(value), *name]


def restored(address: list[Any], session: Session) -> Any:
    """Return what stands on this side for the thing at an address."""
    kind, *fields = address
    if kind == Kind.STUB:
        storage_name, raw, name = fields
        return RemoteStub(session.caller, storage_name, ObjectId(raw, name))
    if kind == Kind.HEADERS:
        return Headers.from_block(fields[0])
    if kind == Kind.REQUEST:
        method, target, block, secure, body = fields
        parts = (method.encode(), target.encode("latin-1"), b"", block, body, secure, 0)
        return Request.received(*parts)
    if kind == Kind.RESPONSE:
        status, block, body = fields
        return Response.received(status=status, block=block, body=body)
    return session.held(_reference(Kind(kind), fields, session))


def _reference(kind: Kind, fields: list[Any], session: Session) -> RemoteReference:
    if kind is Kind.TARGET:
        return RemoteTarget(session, *fields)
    if kind is Kind.ITERATOR:
        return RemoteIterator(session, *fields)
    return RemoteFunction(session, *fields)


def _name_of(target: RpcTarget | RemoteTarget) -> str:
    return target._name if isinstance(target, RemoteTarget) else type(target).__name__  # noqa: SLF001
