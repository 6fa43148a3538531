"""The output gate of one object: what it says leaves when its commits are durable (invariant S1).

Only commits made by then count; what is written later delays nothing (semantics 4.2.1).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from sourdough.objects.refusal import of_storage, reset_error

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop
    from collections.abc import Awaitable, Callable

    from sourdough.errors import DurableObjectError
    from sourdough.objects.container import Container
    from sourdough.objects.event import Event
    from sourdough.storage.database import Database

T = TypeVar("T")


def send_confirmed(container: Container, send: Callable[[T], None], what: T, event: Event) -> None:
    """Send an event's answer when the commits made so far are durable.

    Events that run in the same turn of the loop share its commit (semantics 4.4.1), so what the
    turn has written is not committed here.
    """
    database = container.database

    def durable(error: BaseException | None) -> None:
        if error is None:
            _send(send, what, event)
        else:
            told = reset_error(of_storage(error))
            container.reset(told)
            event.reply.failed(told)

    caller: Container | None = getattr(event.reply, "caller", None)
    if caller is None and database.joins(durable):
        return
    try:
        commit = database.flush()
    except Exception as error:  # noqa: BLE001 (a failed commit replaces the answer)
        event.reply.failed(reset_error(error))
        return
    # An answer to an object of the same host may leave before its commit: what that one says waits
    # for it from now on.
    if not commit or (caller is not None and caller.database.lean_on(database, commit)):
        _send(send, what, event)
    else:
        database.when_durable(commit, durable)


def tell_reset(database: Database, told: DurableObjectError, events: list[Event]) -> None:
    """Tell the callers of an instance that has ended; what its code says of that may say what was
    written by then, and waits for it as every answer does.
    """

    def durable(error: Exception | None) -> None:
        final = told if error is None else reset_error(of_storage(error))
        for event in events:
            event.reply.failed(final)

    if told.remote and events:
        database.told(durable)
    else:
        durable(None)


def confirmed(database: Database, loop: AbstractEventLoop) -> Awaitable[None] | None:
    """Return None when everything so far is durable, else something to wait for."""
    commit = database.flush()
    if not commit:
        return None
    waiter = loop.create_future()

    def durable(error: BaseException | None) -> None:
        if waiter.done():
            return
        if error is None:
            waiter.set_result(None)
        else:
            waiter.set_exception(reset_error(error))

    database.when_durable(commit, durable)
    return waiter


def _send(send: Callable[[T], None], what: T, event: Event) -> None:
    """Send an answer. What cannot be sent is an answer too: nobody else's may suffer from it."""
    try:
        send(what)
    except Exception as error:  # noqa: BLE001 (told to the caller)
        event.reply.failed(error)
