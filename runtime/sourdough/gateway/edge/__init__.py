"""The HTTP/1.1 edge: client connections in, requests out, answers back.

    Listener -> Connection -> Intake (bytes -> exchanges)
                    |
                    +-> Exchange -> Upstream.open -> Stream

It knows nothing of objects, routes and hosts: an `Upstream` takes each request and answers it
through the calls of its `Exchange`.
"""

from __future__ import annotations

from sourdough.gateway.edge.edge import Edge
from sourdough.gateway.edge.exchange import Exchange
from sourdough.gateway.edge.failure import Failure
from sourdough.gateway.edge.limits import EdgeLimits
from sourdough.gateway.edge.listener import Listener
from sourdough.gateway.edge.upstream import Finished, Stream, Upstream

__all__ = [
    "Edge",
    "EdgeLimits",
    "Exchange",
    "Failure",
    "Finished",
    "Listener",
    "Stream",
    "Upstream",
]
