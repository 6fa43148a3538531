"""What callers are told whose event was refused, or whose instance ended under it."""

from __future__ import annotations

from sourdough.errors import DurableObjectError, StorageError

RESET_TEXT = "Durable Object was reset"


class _DiskError(StorageError):
    """The disk failed under the whole host: no object is to blame."""


TOO_MANY = "Durable Object is overloaded. Too many requests queued."
TOO_MUCH = "Durable Object is overloaded. Too much data queued."
TOO_LONG = "Durable Object is overloaded. Requests queued for too long."


def overloaded_error(text: str = TOO_MANY) -> DurableObjectError:
    """The error of a full queue (semantics section 2, overload texts)."""
    return DurableObjectError(text, overloaded=True)


def reset_error(error: BaseException) -> DurableObjectError:
    """Wrap what ended an instance for its callers; the cause stays on it for the log."""
    if isinstance(error, DurableObjectError) and error.durable_object_reset:
        return error
    told = DurableObjectError(f"{RESET_TEXT}: {error}", remote=True, durable_object_reset=True)
    told.__cause__ = error
    return told


def gone_error() -> DurableObjectError:
    """What is told of an event that was for an instance alone, which has ended."""
    return DurableObjectError(RESET_TEXT, durable_object_reset=True)


def released_error() -> DurableObjectError:
    """What callers get whose event outlived the drain."""
    return DurableObjectError(
        "Durable Object moved to another host before this call had ended.",
        retryable=True,
        durable_object_reset=True,
    )


def of_storage(error: BaseException) -> BaseException:
    """Name the storage as the cause of a failed sync: an alarm is not blamed for it (6.8)."""
    if isinstance(error, OSError):
        return _DiskError(f"the disk failed: {error.strerror}")
    return error


def is_own_failure(error: BaseException) -> bool:
    """Say whether an instance ended by its own failure, and not because its host ends."""
    if isinstance(error, DurableObjectError) and error.retryable:
        return False
    return not isinstance(error.__cause__ or error, OSError | _DiskError)
