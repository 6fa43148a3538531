"""Runs the method that an event asks for, and encodes what it returns."""

from __future__ import annotations

import asyncio
import inspect
from typing import TYPE_CHECKING, Any, cast

from sourdough.objects.calls.methods import argument_error, find_method, read_property
from sourdough.objects.calls.sending import encode_data
from sourdough.objects.owner import ObjectOwner, Owner
from sourdough.values import REFERENCING, decode

if TYPE_CHECKING:
    from sourdough.objects.calls.session import Session
    from sourdough.objects.event import CallReply, Event


async def invoke(receiver: Any, event: Event, owner: Owner | None = None) -> bytes:
    """Return the encoded result of a call, or the value of a property, of `receiver`.

    owner: of what is passed by reference; None stands for the object that the event is for.
    """
    if event.cancelled:
        raise asyncio.CancelledError
    if event.reads:
        result = read_property(receiver, event.method) if event.method else receiver
    else:
        method = find_method(receiver, event.method)
        if event.arguments.startswith(REFERENCING):
            args, kwargs = _session(event, owner).decode(event.arguments)
        else:
            args, kwargs = decode(event.arguments)
        try:
            result = method(*args, **kwargs)
        except TypeError as error:
            if error.__traceback__ is None or error.__traceback__.tb_next is not None:
                raise
            raise argument_error(method, args, kwargs, error) from None
    if inspect.isawaitable(result):
        result = await result
    data = encode_data(result)
    if data is None:
        data = _session(event, owner).encode(result)
    return data


def _session(event: Event, owner: Owner | None) -> Session:
    if owner is None:
        assert event.container is not None
        owner = ObjectOwner(event.container, event)
    return cast("CallReply", event.reply).session(owner)
