"""Every error Sourdough raises, in one tree.

    SourdoughError
      ConfigError          the configuration is wrong: exit code 2
      StartError           a child cannot start: exit code 3, final
      StorageError         the storage folder or a file in it cannot be used: exit code 4
        StorageFormatError a file was written by a newer version
        StorageClosedError storage of an instance that is no longer the live one
        StorageFullError   the disk is full; what could not be written is undone
        SqlError           a statement failed; the transaction goes on
          SqlConstraintError  it would have violated a constraint
          SqlFullError        the disk is full; a StorageFullError too
      FolderInUseError     another server owns the storage folder: exit code 5
      WireError            a peer spoke nonsense on a link; the link is dropped
      FetchError           a request of `sourdough.fetch` got no answer
      WebSocketError       what came on a WebSocket broke the protocol, or a limit
        WebSocketClosedError  it has ended: there is nothing more to receive
      DurableObjectError   a call to an object failed; carries the flags of semantics section 2
        RemoteError        the object's own code raised something we cannot rebuild here
        QuarantinedError   the object ended its hosts too often; nothing reaches it for a while
        DeadlockError      the call could never have ended: it waits for its own caller
        CallTimeoutError   the stub's time was over before the answer came; a TimeoutError too

An error's text is one sentence that a client may read; `hint` says what to do about it.
"""

from __future__ import annotations


class SourdoughError(Exception):
    """Root of all errors of Sourdough."""

    exit_code = 1

    def __init__(self, message: str, *, place: str | None = None, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.place = place
        self.hint = hint
        # For tracebacks: a program that uses the library shows nothing else.
        if place is not None:
            self.add_note(f"at {place}")
        if hint is not None:
            self.add_note(hint)


class ConfigError(SourdoughError):
    """Raised while reading the configuration; correct the file at `place`."""

    exit_code = 2


class StartError(SourdoughError):
    """A process cannot start (a module does not import, a port is taken); trying again is useless."""

    exit_code = 3


class StorageError(SourdoughError):
    """The storage folder, or a file in it, cannot be read or written."""

    exit_code = 4


class StorageFormatError(StorageError):
    """A file has a newer format than this version knows (invariant S14); upgrade Sourdough."""


class StorageClosedError(StorageError):
    """Storage of an instance that was reset, evicted or handed over; the work belongs to another."""


class StorageFullError(StorageError):
    """The disk is full, or this user's share of it: the writes of this turn are undone (4.4.4)."""


class SqlError(StorageError):
    """One statement failed (syntax, a missing table, a refusal); the transaction goes on (4.4.4)."""


class SqlConstraintError(SqlError):
    """A statement would have violated a constraint (unique, check, not null, foreign key)."""


class SqlFullError(SqlError, StorageFullError):
    """The disk is full, and SQLite undid this one statement: the transaction goes on."""


class FolderInUseError(SourdoughError):
    """Another server owns the storage folder (invariant P4)."""

    exit_code = 5


class WireError(SourdoughError):
    """A peer broke the link protocol; the link is dropped, its streams fail."""


class FetchError(SourdoughError):
    """A request of `sourdough.fetch` got no answer, or only a part of it.

    retryable: nothing of it was sent, so sending it again repeats nothing. Where it is False the
    other side may have acted on it.
    """

    def __init__(self, message: str, *, retryable: bool = False) -> None:
        super().__init__(message)
        self.retryable = retryable


class WebSocketError(SourdoughError):
    """What came on a WebSocket broke the protocol, or a limit; the socket has ended."""


class WebSocketClosedError(WebSocketError):
    """`receive()` of a WebSocket that has ended; code, reason, was_clean: how (`CloseEvent`)."""

    def __init__(self, code: int, reason: str, was_clean: bool) -> None:
        super().__init__(f"the WebSocket has ended: {code}{f' ({reason})' if reason else ''}")
        self.code = code
        self.reason = reason
        self.was_clean = was_clean


class DurableObjectError(SourdoughError):
    """A call to an object failed.

    remote: the object's own code raised. retryable: the connection failed, try again with a new
    stub if the call is idempotent. overloaded: do not try again now. durable_object_reset: the
    instance is gone, a new stub reaches the next one. durable_object_id: the text of the id of the
    object that was called, where known. (semantics section 2, error flags)
    """

    durable_object_id: str | None = None
    logged = False
    """Whether the log has it already: one error may be the answer of many."""

    def __init__(
        self,
        message: str,
        *,
        remote: bool = False,
        retryable: bool = False,
        overloaded: bool = False,
        durable_object_reset: bool = False,
    ) -> None:
        super().__init__(message)
        self.remote = remote
        self.retryable = retryable
        self.overloaded = overloaded
        self.durable_object_reset = durable_object_reset


class RemoteError(DurableObjectError):
    """The callee raised an exception whose class is not known on this side (semantics 2.13)."""

    def __init__(self, type_name: str, message: str) -> None:
        super().__init__(f"{type_name}: {message}", remote=True)
        self.type_name = type_name
        self.remote_message = message


class QuarantinedError(DurableObjectError):
    """The object's code ended the process that ran it, again and again: it is left alone for a while.

    Nothing of the call has run. retry_after: seconds until the object is tried again.
    """

    def __init__(self, message: str, *, retry_after: int) -> None:
        super().__init__(message, overloaded=True)
        self.retry_after = retry_after


class DeadlockError(DurableObjectError):
    """A call came back to an object that waits for it in a critical section; the text has the way."""


class CallTimeoutError(DurableObjectError, TimeoutError):
    """A call through `stub.with_timeout()` took too long; the method was cancelled."""
