"""One run of an object's alarm: an event like any other, but it comes from the clock.

It enters through the input gate after the constructor has run, and interleaves with requests at
`await`; two runs of one object never overlap, because the next is sent only when this has ended.
What became of it is told when the commits it depends on are durable (semantics 6.6).
"""

from __future__ import annotations

import inspect
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sourdough.errors import DurableObjectError, SqlError, StorageError
from sourdough.objects.event import Event, NoResponse
from sourdough.objects.failure import start_at_user
from sourdough.storage.failure import is_constraint
from sourdough.wire.messages import AlarmOutcome

if TYPE_CHECKING:
    from collections.abc import Callable

    from sourdough.objects.container import Container

log = logging.getLogger("sourdough.alarms")

# How long one run may take (semantics 6.11), in seconds.
ALARM_SECONDS = 15 * 60.0

_NO_HANDLER = (
    "Attempted to run a scheduled alarm without a handler, did you remember to define an alarm()"
    " method? (%s)"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class AlarmInfo:
    """What `alarm(info)` is told about its run."""

    retry_count: int
    """How many runs of this alarm have failed before."""
    scheduled_time: int
    """When it was to run, in ms since the Unix epoch."""

    @property
    def is_retry(self) -> bool:
        """Whether a run of this alarm has failed before."""
        return self.retry_count > 0


class AlarmReply(NoResponse):
    """The way back to the clock; implements `objects.event.Reply`."""

    __slots__ = ("_on_ended", "abandoned")

    def __init__(self, on_ended: Callable[[AlarmOutcome], None]) -> None:
        """on_ended: called once, when the run has ended."""
        self._on_ended: Callable[[AlarmOutcome], None] | None = on_ended
        self.abandoned = False
        """Whether the run, should it be cut short, is not to be repeated."""

    def ended(self, outcome: AlarmOutcome) -> None:
        """The run has ended, and what it wrote is durable."""
        on_ended, self._on_ended = self._on_ended, None
        if on_ended is not None:
            on_ended(outcome)

    def failed(self, error: BaseException) -> None:
        """The run was cut short, or could not begin."""
        self.ended(AlarmOutcome.ABANDONED if self.abandoned else _outcome_of(error))

    def returned(self, value: bytes) -> None:
        raise AssertionError("an alarm answers nobody")


class AlarmEvent(Event):
    """The delivery of an alarm into its object."""

    __slots__ = ("alarm_reply", "retries", "seconds")

    def __init__(
        self,
        reply: AlarmReply,
        *,
        version: int,
        retries: int,
        started: float,
        seconds: float = ALARM_SECONDS,
    ) -> None:
        """seconds: how long the run may take."""
        super().__init__(reply, 0, version, None, "alarm", b"", started)
        self.alarm_reply = reply
        self.retries = retries
        self.seconds = seconds


async def run_alarm(container: Container, event: AlarmEvent) -> AlarmOutcome:
    """Run what is due, if it is still due (semantics 6.15), and say what became of it."""
    database = container.database
    # An alarm whose commit waits for the index is in the index already, and so may come before it:
    # what is not committed has not happened.
    await database.settled()
    await _admitted(container)
    due = database.alarm.begin()
    if due is None:
        database.alarm.correct()
        return AlarmOutcome.DONE
    handler = getattr(container.instance, "alarm", None)
    if handler is None:
        log.warning(_NO_HANDLER, container.label)
        database.alarm.succeed()
        return AlarmOutcome.DONE
    limit = container.clock.call_later(event.seconds, container.reset, _too_long())
    try:
        result: Any = handler(AlarmInfo(retry_count=event.retries, scheduled_time=due))
        if inspect.isawaitable(result):
            await result
        await _admitted(container)
        database.alarm.succeed()
    except Exception as error:
        database.alarm.fail()
        if container.broken:
            raise
        start_at_user(error)
        log.exception("alarm() of %s failed", container.label)
        return AlarmOutcome.FAILED
    except BaseException:
        database.alarm.fail()
        raise
    finally:
        limit.cancel()
    return AlarmOutcome.DONE


def _too_long() -> DurableObjectError:
    """The error of a run beyond its limit (semantics 6.11, error flags)."""
    return DurableObjectError(
        "Alarm exceeded its allowed execution time",
        remote=True,
        overloaded=True,
        durable_object_reset=True,
    )


async def _admitted(container: Container) -> None:
    """Wait while a transaction has the storage to itself."""
    hold = container.database.hold
    if hold is not None:
        await hold.admitted()


def _outcome_of(error: BaseException) -> AlarmOutcome:
    """Say whose fault it was that a run was cut short (semantics 6.8)."""
    if isinstance(error, DurableObjectError):
        if error.retryable:
            return AlarmOutcome.MOVED
        if error.overloaded and not error.durable_object_reset:
            return AlarmOutcome.BROKEN
        cause = error.__cause__
        of_user = isinstance(cause, SqlError)  # raised, not caught, in a constructor
        if isinstance(cause, StorageError) and not of_user and not is_constraint(cause):
            return AlarmOutcome.BROKEN
    return AlarmOutcome.FAILED
