"""Values at rest and over RPC: a self-describing data format, never pickle."""

from __future__ import annotations

from sourdough.values.codec import decode, encode

__all__ = ["decode", "encode"]
