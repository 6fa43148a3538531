"""What a client may ask of the edge before it is refused or left waiting. Sizes bytes, times seconds."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class EdgeLimits:
    """The bounds of every connection of one gateway; none of them is ever "unlimited"."""

    connections: int = 10_000
    """Above it nobody is accepted until somebody leaves: clients wait in the kernel's queue.

    Keep it well below RLIMIT_NOFILE, since a process out of descriptors can only refuse.
    """
    backlog: int = 1024
    """Length of the kernel's queue of connections that nobody accepted yet."""
    target: int = 16 * 1024
    """Longest request target; 414 beyond it."""
    head: int = 64 * 1024
    """Request line and headers together, and the trailers of a chunked body; 431 beyond it."""
    headers: int = 128
    """Number of header lines; 431 beyond it."""
    body: int = 128 * 1024 * 1024
    """Largest request body; 413 beyond it."""
    collect: int = 64 * 1024
    """A declared body up to this size is received before its request is opened (invariant D2);
    of a larger one no more than about this much is kept while the object does not read."""
    pipeline: int = 8
    """Requests of one connection that may wait for their turn before it is read no further."""
    idle_timeout: float = 75.0
    """How long a connection may stay open between two requests; longer than the usual 60 of
    balancers, so that it is they who close, and no request meets a connection being closed."""
    head_timeout: float = 15.0
    """From the first byte of a request to the end of its head; 408 beyond it."""
    body_timeout: float = 30.0
    """For a collected body in all, for a streamed one between two reads; also how long a client
    may take nothing of its answer before it is dropped."""
    linger_timeout: float = 3.0
    """How long a connection being closed waits for its client to have read the last answer."""
