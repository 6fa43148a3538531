"""Runs the entrypoint's `scheduled` when the coordinator says that a cron is due.

A run counts among the host's events, so a drain waits for it. Its error is told and logged; only a
run whose host ended is repeated.
"""

from __future__ import annotations

import asyncio
import inspect
import logging
import time
from typing import TYPE_CHECKING, Any

from sourdough.objects.controller import ScheduledController
from sourdough.objects.failure import describe, start_at_user
from sourdough.wire.messages import ScheduledEnded

if TYPE_CHECKING:
    from collections.abc import Callable

    from sourdough.clock import Clock
    from sourdough.host.entrypoint import Entrypoint
    from sourdough.host.host import Host
    from sourdough.transport.channel import Channel
    from sourdough.wire.messages import RunScheduled

log = logging.getLogger("sourdough.crons")

# How long one run may take, as an alarm's.
RUN_SECONDS = 15 * 60.0


class Scheduled:
    """The runs of one host."""

    def __init__(self, *, host: Host, channel: Channel, clock: Clock) -> None:
        self._host = host
        self._clock = clock
        self._channel = channel
        self._tasks: set[asyncio.Task[None]] = set()

    def run(self, message: RunScheduled) -> None:
        """Run the entrypoint's `scheduled`, and say when it has ended."""
        self._host.events += 1
        task = asyncio.get_running_loop().create_task(self._run(message))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _run(self, message: RunScheduled) -> None:
        began = time.monotonic()
        error: str | None = None
        controller = ScheduledController(cron=message.cron, scheduled_time=message.due)
        try:
            async with self._clock.timeout(RUN_SECONDS):
                await _call(self._host.entrypoint, controller)
        except asyncio.CancelledError:
            error = "cancelled"
            raise
        except BaseException as raised:
            error, place = describe(raised)
            start_at_user(raised)
            log.exception("scheduled() failed")
            error = f"{error} ({place})" if place else error
        finally:
            ms = (time.monotonic() - began) * 1e3
            self._channel.send(ScheduledEnded(number=message.number, ms=ms, error=error))
            self._host.settled()


async def _call(entrypoint: Entrypoint | None, controller: ScheduledController) -> None:
    """Call `scheduled(controller, env, ctx)` of a new instance, or as many of these as it takes."""
    if entrypoint is None:
        raise LookupError("there is no entrypoint")
    instance, env, ctx = entrypoint.instance()
    handler = getattr(instance, "scheduled", None)
    if handler is None:
        raise LookupError(f"{type(instance).__name__} has no scheduled() method")
    given: tuple[Any, ...] = (controller, env, ctx)
    result = handler(*given[: _places(handler)])
    if inspect.isawaitable(result):
        await result


def _places(handler: Callable[..., Any]) -> int:
    """Return how many arguments a handler takes by their place."""
    kinds = [each.kind for each in inspect.signature(handler).parameters.values()]
    if inspect.Parameter.VAR_POSITIONAL in kinds:
        return 3
    by_place = {inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD}
    return sum(kind in by_place for kind in kinds)
