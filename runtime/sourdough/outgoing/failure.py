"""What went wrong with an outgoing request, told as one kind of error.

`retryable` where nothing of the request was written: no connection came about. Everything else may
have reached the other side, and only the caller knows whether to send it again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sourdough.errors import FetchError

if TYPE_CHECKING:
    import httpx2


def not_answered(url: httpx2.URL, error: Exception) -> FetchError:
    """Return the error of a request that got no answer."""
    import httpx2  # noqa: PLC0415 (imported by now; see outgoing.pool)

    never_sent = isinstance(
        error, httpx2.ConnectError | httpx2.ConnectTimeout | httpx2.PoolTimeout
    )  # fmt: skip
    return FetchError(f"{_named(url)} did not answer: {_reason(error)}", retryable=never_sent)


def too_late(url: httpx2.URL, seconds: float) -> FetchError:
    """Return the error of a request whose answer did not begin in time."""
    return FetchError(f"{_named(url)} did not answer within {seconds:g} seconds")


def body_failed(url: httpx2.URL, error: Exception) -> FetchError:
    """Return the error of an answer that ended early."""
    return FetchError(f"the answer of {_named(url)} was cut short: {_reason(error)}")


def _named(url: httpx2.URL) -> str:
    # Without user, password and query: they may be secrets, and this text goes into logs.
    return f"{url.scheme}://{url.netloc.decode('ascii', 'replace')}{url.path}"


def _reason(error: Exception) -> str:
    return str(error) or type(error).__name__
