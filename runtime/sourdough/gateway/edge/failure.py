"""Why a request gets an error answer, in words for the client; and the refusals of the edge itself."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Failure:
    """An error answer to be: whoever makes one knows the cause, the edge knows the bytes."""

    status: int
    code: str
    """A short stable name for counters: "host_lost"."""
    sentence: str
    """What went wrong; a client may read it, so never a stack trace."""
    hint: str | None = None
    """What to do about it."""
    retry_after: int | None = None
    """Seconds, where trying again makes sense (invariant D3)."""
    lines: bytes = b""
    """Further header lines of the answer, each with its CRLF."""


class RefusedError(Exception):
    """Raised inside the parser's callbacks to stop it: this request gets the failure instead."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.sentence)
        self.failure = failure


def malformed(detail: str, hint: str | None = None) -> Failure:
    """Return the refusal of bytes that are not an HTTP/1.1 request."""
    return Failure(400, "malformed", f"The request is malformed: {detail}.", hint)


def head_too_large(limit: int) -> Failure:
    """Return the refusal of more headers than `limit` bytes, or than the edge counts."""
    return Failure(
        431, "head_too_large", f"The request's headers are larger than {limit} bytes or too many."
    )


def target_too_long(limit: int) -> Failure:
    """Return the refusal of a request target longer than `limit` bytes."""
    return Failure(414, "target_too_long", f"The request's URL is longer than {limit} bytes.")


def body_too_large(limit: int) -> Failure:
    """Return the refusal of a body longer than `limit` bytes."""
    return Failure(413, "body_too_large", f"The request's body is larger than {limit} bytes.")


def handler_broke_framing(detail: str) -> Failure:
    """Return the failure of an answer that cannot be put on the wire as the handler made it."""
    return Failure(500, "bad_answer", f"The handler's answer cannot be sent: {detail}.")


TLS_SPOKEN = malformed("it is TLS", "This port speaks plain HTTP: use http:// in the URL.")
UPGRADE_UNSUPPORTED = Failure(
    501,
    "upgrade_unsupported",
    "The only protocol that this server switches to is WebSocket.",
    "Send the request without Upgrade.",
)
WEB_SOCKET_VERSION = Failure(
    426,
    "web_socket_version",
    "The only version of WebSocket that this server speaks is 13.",
    lines=b"upgrade: websocket\r\nsec-websocket-version: 13\r\n",
)
ORIGIN_REFUSED = Failure(
    403,
    "origin_refused",
    "WebSockets are not open to pages of this origin.",
    "websockets.origins in sourdough.toml lists those that are.",
)
CONNECT_UNSUPPORTED = Failure(
    501, "connect_unsupported", "This server is not a proxy: CONNECT is not available."
)
CODING_UNSUPPORTED = Failure(
    501,
    "coding_unsupported",
    "The only transfer coding of a request that this server reads is chunked.",
)
VERSION_UNSUPPORTED = Failure(
    505, "version_unsupported", "This server speaks HTTP/1.1 and HTTP/1.0."
)
EXPECTATION_UNKNOWN = Failure(
    417, "expectation_unknown", "The only expectation this server meets is 100-continue."
)
HEAD_TIMEOUT = Failure(408, "head_timeout", "The request's head did not arrive in time.")
BODY_TIMEOUT = Failure(408, "body_timeout", "The request's body did not arrive in time.")
INTERNAL = Failure(500, "internal", "The server failed to pass the request on.")

CLIENT_LEFT = "the client closed the connection before the answer was complete"
CLIENT_STALLED = "the client did not read its answer and was dropped"
# What the log shows for a request whose client left before any answer; never sent to anybody.
STATUS_CLIENT_LEFT = 499
