"""User code's logging, on its way to the one log of the server."""

from __future__ import annotations

import logging
import threading
from collections import deque
from typing import TYPE_CHECKING

import msgspec

from sourdough.objects.event import current_event
from sourdough.observe.records import Output
from sourdough.wire.messages import Lines

if TYPE_CHECKING:
    import asyncio

    from sourdough.clock import Clock
    from sourdough.transport.channel import Channel

# Lines that wait for the next turn of the loop; what comes on top is counted (invariant P7).
_MAX_WAITING = 1000
_MAX_TEXT = 16 * 1024


class OutputHandler(logging.Handler):
    """Sends log records to the coordinator, with the object and the request they belong to."""

    def __init__(self, loop: asyncio.AbstractEventLoop, channel: Channel, clock: Clock) -> None:
        super().__init__()
        self._loop = loop
        self._channel = channel
        self._clock = clock
        self._encoder = msgspec.msgpack.Encoder()
        self._waiting: deque[bytes] = deque()
        self._dropped = 0
        self._scheduled = False
        self._guard = threading.Lock()

    def emit(self, record: logging.LogRecord) -> None:
        """Queue a record; user code may log from any thread."""
        try:
            line = self._encoder.encode(self._output(record))
        except Exception:  # noqa: BLE001 (logging must never be what fails)
            self.handleError(record)
            return
        with self._guard:
            if len(self._waiting) >= _MAX_WAITING:
                self._dropped += 1
                return
            self._waiting.append(line)
            if self._scheduled:
                return
            self._scheduled = True
        self._loop.call_soon_threadsafe(self._flush)

    def _flush(self) -> None:
        with self._guard:
            lines, dropped = tuple(self._waiting), self._dropped
            self._waiting.clear()
            self._dropped = 0
            self._scheduled = False
        self._channel.send(Lines(records=lines, dropped=dropped))

    def _output(self, record: logging.LogRecord) -> Output:
        event = current_event.get()
        container = event.container if event is not None else None
        return Output(
            ts=self._clock.now(),
            level=_level(record.levelno),
            # What no encoding carries becomes "?": a line with a hole beats no line.
            text=self.format(record)[:_MAX_TEXT].encode("utf-8", "replace").decode(),
            class_name=container.cls.name if container is not None else None,
            object=container.label.partition(":")[2] if container is not None else None,
            request_id=f"{event.number:x}" if event is not None and event.number else None,
            logger=record.name,
        )


def _level(number: int) -> str:
    if number >= logging.ERROR:
        return "error"
    if number >= logging.WARNING:
        return "warning"
    return "info" if number >= logging.INFO else "debug"
