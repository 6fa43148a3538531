"""How one event is handled: the user's method runs, its end becomes the answer."""

from __future__ import annotations

import asyncio
import inspect
import sys
from contextvars import Context
from types import CoroutineType
from typing import TYPE_CHECKING, Any

from sourdough.errors import DurableObjectError
from sourdough.http import Response
from sourdough.objects.alarm import AlarmEvent, run_alarm
from sourdough.objects.calls.invocation import invoke
from sourdough.objects.event import closed_from_outside, current_event
from sourdough.objects.failure import NoFetchError, WrongResultError
from sourdough.objects.output_gate import send_confirmed
from sourdough.objects.web_sockets.binding import across
from sourdough.objects.web_sockets.delivery import OfSocket
from sourdough.objects.web_sockets.handling import run_of_socket

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from sourdough.objects.container import Container
    from sourdough.objects.event import Event

_set_current = current_event.set  # as a global it costs half as much

if sys.version_info >= (3, 12):

    def new_task(
        coroutine: Coroutine[Any, Any, None], loop: asyncio.AbstractEventLoop, name: str
    ) -> asyncio.Task[None]:
        """Run the handler of an event, in a context of its own. name: of the task."""
        # Eager: what never suspends is over before this returns, without a turn of the loop.
        return asyncio.Task(coroutine, loop=loop, context=Context(), name=name, eager_start=True)

else:

    def new_task(
        coroutine: Coroutine[Any, Any, None], loop: asyncio.AbstractEventLoop, name: str
    ) -> asyncio.Task[None]:
        """Run the handler of an event, in a context of its own. name: of the task."""
        # asyncio's own name, a number, costs as much as a fifth of the task.
        return asyncio.Task(coroutine, loop=loop, context=Context(), name=name)


async def handle(container: Container, event: Event) -> None:
    """Handle an event of a ready object; whatever happens, its caller hears of it."""
    if not container.gate.open:
        # Of the events that entered in one turn, one before this began a critical section.
        container.put_back(event)
        return
    _set_current(event)
    container.mark()
    try:
        if event.request is not None:
            await _fetch(container, event)
        elif isinstance(event, AlarmEvent):
            outcome = await run_alarm(container, event)
            send_confirmed(container, event.alarm_reply.ended, outcome, event)
        elif isinstance(event, OfSocket):
            await run_of_socket(container, event)
        else:
            receiver = event.target if event.by_reference else container.instance
            result = await invoke(receiver, event)
            send_confirmed(container, event.reply.returned, result, event)
    except asyncio.CancelledError:
        # A reset has told the caller already; any other cancellation is the handler's own.
        if not container.broken:
            cancelled = DurableObjectError("the handler was cancelled", remote=True)
            send_confirmed(container, event.reply.failed, cancelled, event)
        raise
    except BaseException as error:  # sys.exit() in a handler must not end the host
        if isinstance(error, GeneratorExit) and closed_from_outside(event):
            raise
        container.failed(event)
        send_confirmed(container, event.reply.failed, error, event)
    finally:
        container.ended(event)


async def _fetch(container: Container, event: Event) -> None:
    handler = getattr(container.instance, "fetch", None)
    if handler is None:
        raise NoFetchError(f"{container.cls.name} has no fetch() method")
    response = handler(event.request)
    # Nearly always a coroutine; `isawaitable` asks for other things as well.
    if type(response) is CoroutineType or inspect.isawaitable(response):
        response = await response
    if not isinstance(response, Response):
        raise WrongResultError(
            f"{container.cls.name}.fetch() returned {type(response).__name__}, not a Response"
        )
    if response.web_socket is not None and event.request is not None:
        response = across(response, event.request)
    if response.complete:
        send_confirmed(container, event.reply.respond, response, event)
    else:
        await event.reply.stream(response, container.confirmed)
