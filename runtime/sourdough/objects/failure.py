"""What a failed event looks like to its caller: an HTTP answer, or an exception on a stub.

One table for both. An error of user code shows its type and message to stubs; an HTTP client
learns only that the handler failed (and, in `dev`, the traceback).
"""

from __future__ import annotations

import builtins
import traceback
from pathlib import Path
from typing import Any, NamedTuple

from sourdough.errors import DurableObjectError, RemoteError, SourdoughError
from sourdough.http.body import BodyError
from sourdough.values import decode, encode

# Stack frames of ours say nothing to a user.
_OURS = str(Path(__file__).parents[1])

# Raised inside a coroutine they would mean something else.
_NEVER_RAISED = (StopIteration, StopAsyncIteration)


class HttpFailure(NamedTuple):
    """The HTTP form of a failure."""

    status: int
    sentence: str
    hint: str | None
    retry_after: int | None


class NoFetchError(SourdoughError):
    """The class has no `fetch` method, so HTTP cannot reach it."""


class WrongResultError(SourdoughError):
    """A handler returned something that is not an answer."""


def http_failure(error: BaseException) -> HttpFailure:
    """Return what an HTTP client is told about `error`."""
    if isinstance(error, DurableObjectError):
        if error.overloaded:
            return HttpFailure(503, error.args[0], "try again later", 1)
        if error.retryable or (error.durable_object_reset and not error.remote):
            return HttpFailure(503, error.args[0], "it may or may not have run", 1)
    if isinstance(error, BodyError):
        return HttpFailure(400, "the request's body was cut short", None, None)
    return HttpFailure(500, "the handler raised an error", "the log has the details", None)


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
    """Return the traceback as text."""
    return "".join(traceback.format_exception(error))


def start_at_user(error: BaseException) -> None:
    """Cut our own frames off the beginning of an error's traceback: it begins in user code."""
    found = error.__traceback__
    while found is not None and found.tb_frame.f_code.co_filename.startswith(_OURS):
        found = found.tb_next
    if found is not None:
        error.__traceback__ = found


def encode_error(error: BaseException) -> bytes:
    """Return the form in which an exception crosses a link (semantics 2.13)."""
    flags: dict[str, Any] = {}
    if isinstance(error, DurableObjectError) and not isinstance(error, RemoteError):
        flags = {
            "remote": error.remote,
            "retryable": error.retryable,
            "overloaded": error.overloaded,
            "durable_object_reset": error.durable_object_reset,
        }
    name, message = type(error).__name__, _message_of(error)
    if isinstance(error, RemoteError):
        name, message = error.type_name, error.remote_message
    # Texts of the operating system may hold lone surrogates, which no encoding carries.
    message = message.encode("utf-8", "replace").decode()
    return encode({"type": name, "message": message, "flags": flags})


def _message_of(error: BaseException) -> str:
    if isinstance(error, KeyError) and len(error.args) == 1 and isinstance(error.args[0], str):
        return error.args[0]  # its str() has quotes around, and would get more on the other side
    return str(error)


def decode_error(data: bytes) -> BaseException:
    """Rebuild the exception: a built-in class by its name, RemoteError for any other."""
    fields = decode(data)
    name, message, flags = fields["type"], fields["message"], fields["flags"]
    if flags:
        return DurableObjectError(message, **flags)
    known = getattr(builtins, name, None)
    if isinstance(known, type) and issubclass(known, Exception) and known not in _NEVER_RAISED:
        try:
            error = known(message)
        except TypeError:  # UnicodeDecodeError and the like want more than a message
            return RemoteError(name, message)
        error.remote = True  # type: ignore[attr-defined]
        return error
    return RemoteError(name, message)
