"""Values at rest and over RPC: a self-describing data format, never pickle."""

from __future__ import annotations

from sourdough.values.codec import (
    REFERENCING,
    decode,
    decode_referencing,
    encode,
    encode_arguments,
    encode_referencing,
)

__all__ = [
    "REFERENCING",
    "decode",
    "decode_referencing",
    "encode",
    "encode_arguments",
    "encode_referencing",
]
