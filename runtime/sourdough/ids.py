"""Object ids: 32 bytes of which the last 16 authenticate the first (semantics section 1).

    key  = SHA-256(application NUL storage name)
    base = first 16 bytes of HMAC-SHA256(key, name)     or 16 random bytes
    id   = base + first 16 bytes of HMAC-SHA256(key, base)

An id is a format: it must come out the same for ever (golden vectors in the tests).
"""

from __future__ import annotations

import hashlib
import hmac
import re

ID_BYTES = 32
_HALF = ID_BYTES // 2
_HEX = re.compile(r"[0-9a-fA-F]{64}")

# A longer name still gives a valid id, but the object does not learn it (semantics 1.12).
MAX_KEPT_NAME_BYTES = 1024


class ObjectId:
    """The id of one object, with the name it was made from where that is known."""

    __slots__ = ("name", "raw")

    def __init__(self, raw: bytes, name: str | None = None) -> None:
        self.raw = raw
        self.name = name

    def __str__(self) -> str:
        return self.raw.hex()

    def __repr__(self) -> str:
        return f"ObjectId({self.raw.hex()[:12]}.., name={self.name!r})"

    def __eq__(self, other: object) -> bool:
        """Compare the bytes only; a name is a memory, not an identity (semantics 1.6)."""
        return isinstance(other, ObjectId) and self.raw == other.raw

    def __hash__(self) -> int:
        return hash(self.raw)


class IdFactory:
    """Makes and checks the ids of one namespace."""

    __slots__ = ("_key",)

    def __init__(self, application: str, storage_name: str) -> None:
        self._key = hashlib.sha256(f"{application}\0{storage_name}".encode()).digest()

    def from_name(self, name: str) -> ObjectId:
        """Return the id of a name: the same for ever, without any input or output (1.3).

        Raises TypeError when the name is not a string, ValueError when it cannot be UTF-8.
        """
        if not isinstance(name, str):
            raise TypeError(f"an object's name is a str, not {type(name).__name__}")
        data = name.encode()
        kept = name if len(data) <= MAX_KEPT_NAME_BYTES else None
        return ObjectId(self._seal(self._mac(data)), kept)

    def unique(self, random_bytes: bytes) -> ObjectId:
        """Return an id made of 16 random bytes (1.4)."""
        if len(random_bytes) != _HALF:
            raise ValueError(f"expected {_HALF} random bytes, got {len(random_bytes)}")
        return ObjectId(self._seal(random_bytes))

    def from_string(self, text: str) -> ObjectId:
        """Return the id that 64 hex digits stand for (1.5). Raises TypeError for anything else."""
        if not isinstance(text, str) or not _HEX.fullmatch(text):
            raise TypeError("Invalid Durable Object ID: must be 64 hex digits")
        raw = bytes.fromhex(text)
        if not self.owns(raw):
            raise TypeError("Durable Object ID is not valid for this namespace.")
        return ObjectId(raw)

    def owns(self, raw: bytes) -> bool:
        """Say whether an id was made by this namespace."""
        return len(raw) == ID_BYTES and hmac.compare_digest(self._seal(raw[:_HALF]), raw)

    def _seal(self, base: bytes) -> bytes:
        return base + self._mac(base)

    def _mac(self, data: bytes) -> bytes:
        return hmac.digest(self._key, data, "sha256")[:_HALF]
