"""What a failed event looks like to its caller: an HTTP answer, or an exception on a stub.

One table for both. An error of user code shows its type and message to stubs; an HTTP client
learns only that the handler failed (and, in `dev`, the traceback).
"""

from __future__ import annotations

import traceback
from pathlib import Path
from typing import NamedTuple

from sourdough.errors import (
    DurableObjectError,
    QuarantinedError,
    SourdoughError,
    StorageFullError,
)
from sourdough.http.body import BodyError
from sourdough.objects.calls.crossing import REMOTE_TRACEBACK, decode_error, encode_error

# Stack frames of ours say nothing to a user.
_OURS = str(Path(__file__).parents[1])

__all__ = [
    "HttpFailure",
    "NoFetchError",
    "WrongResultError",
    "decode_error",
    "describe",
    "encode_error",
    "http_failure",
    "start_at_user",
    "traceback_of",
]


DISK_FULL = "the disk is full: what this could not write is undone"


class HttpFailure(NamedTuple):
    """The HTTP form of a failure."""

    status: int
    sentence: str
    hint: str | None
    retry_after: int | None


class NoFetchError(SourdoughError):
    """The class has no `fetch` method, so HTTP cannot reach it: 501."""


class WrongResultError(SourdoughError):
    """A handler returned something that is not an answer."""


def http_failure(error: BaseException) -> HttpFailure:
    """Return what an HTTP client is told about `error`."""
    if _ran_out_of_disk(error):
        return HttpFailure(507, DISK_FULL, "free space on the storage folder's disk", None)
    if isinstance(error, DurableObjectError) and (failure := _failure_of_call(error)):
        return failure
    if isinstance(error, NoFetchError):
        return HttpFailure(501, error.message, "its class answers no HTTP requests", None)
    if isinstance(error, BodyError) and not getattr(error, "remote", False):
        return HttpFailure(400, "the request's body was cut short", None, None)
    return HttpFailure(500, "the handler raised an error", "the log has the details", None)


def _failure_of_call(error: DurableObjectError) -> HttpFailure | None:
    """Return what is told of a call that may be sent again; None for what its callee raised."""
    if isinstance(error, QuarantinedError):
        return HttpFailure(503, error.args[0], "nothing of it has run", error.retry_after)
    if error.overloaded:
        return HttpFailure(503, error.args[0], "try again later", 1)
    if error.retryable or (error.durable_object_reset and not error.remote):
        return HttpFailure(503, error.args[0], "it may or may not have run", 1)
    return None


def _ran_out_of_disk(error: BaseException | None) -> bool:
    """Say whether a full disk is behind an error, as the cause of its object's reset is."""
    while error is not None and not isinstance(error, StorageFullError):
        error = error.__cause__
    return error is not None


def describe(error: BaseException) -> tuple[str, str | None]:
    """Return ("ValueError: negative step", "counter.py:31 in increment") for the log."""
    text = str(error)
    what = f"{type(error).__name__}: {text}" if text else type(error).__name__
    frames = traceback.extract_tb(error.__traceback__)
    users = [frame for frame in frames if not frame.filename.startswith(_OURS)]
    if not users:
        return what, None
    last = users[-1]
    return what, f"{last.filename.rpartition('/')[2]}:{last.lineno} in {last.name}"


def traceback_of(error: BaseException) -> str:
    """Return the traceback as text, for clients: that of another process is not among it."""
    told = traceback.TracebackException.from_exception(error)
    part: traceback.TracebackException | None = told
    while part is not None:
        notes = getattr(part, "__notes__", None) or ()
        part.__notes__ = [note for note in notes if not str(note).startswith(REMOTE_TRACEBACK)]
        part = part.__cause__ or part.__context__
    return "".join(told.format())


def start_at_user(error: BaseException) -> None:
    """Cut our own frames off the beginning of an error's traceback: it begins in user code."""
    found = error.__traceback__
    while found is not None and found.tb_frame.f_code.co_filename.startswith(_OURS):
        found = found.tb_next
    if found is not None:
        error.__traceback__ = found
