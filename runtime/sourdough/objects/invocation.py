"""Runs the method that an event asks for, and encodes what it returns."""

from __future__ import annotations

import asyncio
import inspect
from typing import TYPE_CHECKING, Any

from sourdough.objects.methods import argument_error, find_method, read_property
from sourdough.objects.owner import ObjectOwner, Owner
from sourdough.objects.sending import encode_data
from sourdough.values import REFERENCING, decode

if TYPE_CHECKING:
    from sourdough.objects.event import Event


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
            args, kwargs = event.reply.session(owner or _object(event)).decode(event.arguments)
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
        data = event.reply.session(owner or _object(event)).encode(result)
    return data


def _object(event: Event) -> Owner:
    assert event.container is not None
    return ObjectOwner(event.container, event)
