"""The automatic answer: a text that is answered without waking the object (semantics 7.6)."""

from __future__ import annotations

from dataclasses import dataclass

MAX_AUTOMATIC = 2048
"""Bytes of UTF-8, of the request and of the response."""


@dataclass(frozen=True, slots=True)
class WebSocketRequestResponsePair:
    """`request`, when it is the whole text of a client's message, is answered with `response`."""

    request: str
    response: str

    def __post_init__(self) -> None:
        """Raise TypeError for what is no text, ValueError for what is too long."""
        for part, text in (("Request", self.request), ("Response", self.response)):
            if not isinstance(text, str):
                raise TypeError(f"an automatic answer is text, not {type(text).__name__}")
            size = len(text.encode())
            if size > MAX_AUTOMATIC:
                raise ValueError(
                    f"{part} cannot be larger than {MAX_AUTOMATIC} bytes. "
                    f"A {part.lower()} of size {size} was provided."
                )
