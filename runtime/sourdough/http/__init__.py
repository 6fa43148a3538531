"""HTTP messages as user code sees them."""

from __future__ import annotations

from sourdough.http.body import BodyError, BodyReader
from sourdough.http.headers import Headers
from sourdough.http.message import BodyUsedError, Message
from sourdough.http.request import Query, Request
from sourdough.http.response import Response
from sourdough.http.signal import Signal

__all__ = [
    "BodyError",
    "BodyReader",
    "BodyUsedError",
    "Headers",
    "Message",
    "Query",
    "Request",
    "Response",
    "Signal",
]
