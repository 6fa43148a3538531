"""What happens in the hosts, for a program: prints to its streams, everything else to its logging.

Nothing is configured: a program that has set up `logging` sees the records of its objects under
their own loggers, and those of the runtime under `sourdough`; one that has not sees warnings.
"""

from __future__ import annotations

import logging
import sys
from contextlib import suppress
from typing import TYPE_CHECKING

import msgspec

from sourdough.observe.records import (
    ChildBackingOff,
    Dropped,
    HostCrashed,
    HostStuck,
    ReloadFailed,
    RequestServed,
    RequestsFolded,
    Warned,
)
from sourdough.observe.records import Output as Printed

if TYPE_CHECKING:
    from sourdough.observe.records import AnyRecord

_LEVELS = {"debug": logging.DEBUG, "warning": logging.WARNING, "error": logging.ERROR}
_WARNINGS = (ChildBackingOff, Dropped, HostCrashed, Warned)
_ERRORS = (HostStuck, ReloadFailed)
_REQUESTS = (RequestServed, RequestsFolded)

_log = logging.getLogger("sourdough")


class Output:
    """Takes the records of a coordinator."""

    def __call__(self, record: AnyRecord) -> None:
        """Pass one on."""
        if not isinstance(record, Printed):
            _log.log(_level(record), "%s", _text(record))
        elif record.logger is not None:
            logger = logging.getLogger(record.logger)
            logger.log(_LEVELS.get(record.level, logging.INFO), "%s", record.text)
        else:
            stream = sys.stderr if record.level == "error" else sys.stdout
            # As its own prints: a stream that is gone is no reason to end.
            with suppress(OSError, ValueError):
                print(record.text, file=stream, flush=True)


def _level(record: AnyRecord) -> int:
    if isinstance(record, _ERRORS):
        return logging.ERROR
    if isinstance(record, _WARNINGS):
        return logging.WARNING
    return logging.DEBUG if isinstance(record, _REQUESTS) else logging.INFO


def _text(record: AnyRecord) -> str:
    if isinstance(record, Warned):
        return record.text if record.hint is None else f"{record.text}; {record.hint}"
    fields = msgspec.to_builtins(record)
    event = fields.pop("event")
    del fields["ts"]
    shown = (f"{name}={value}" for name, value in fields.items() if value is not None)
    return " ".join((event, *shown))
