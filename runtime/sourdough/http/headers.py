"""HTTP headers: an ordered list of pairs that are found by name in any case.

On a link headers travel as one block, `Name: value CRLF` repeated; it is parsed when somebody
first asks (most handlers never do).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping

# What a header's name and a method are made of (RFC 9110, 5.6.2).
TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_FORBIDDEN_IN_VALUE = re.compile(r"[\x00\r\n]")

HeadersInit = Mapping[str, str] | Iterable[tuple[str, str]]


class Headers:
    """Headers of a request or a response.

    `headers["name"]` is the first value or a KeyError, `get_all` all of them in order. Values are
    str; bytes outside of ASCII are kept as Latin-1, as HTTP has it.
    """

    __slots__ = ("_pairs",)

    def __init__(self, init: Headers | HeadersInit | None = None) -> None:
        self._pairs: list[tuple[str, str]] = []
        if init is None:
            return
        if isinstance(init, Headers):
            self._pairs = init.items()
            return
        pairs = init.items() if isinstance(init, Mapping) else init
        for name, value in pairs:
            self.append(name, value)

    @classmethod
    def from_block(cls, block: bytes) -> Headers:
        """Parse a block that the gateway built; it is well-formed by construction."""
        headers = cls()
        pairs = headers._pairs
        for line in block.decode("latin-1").split("\r\n"):
            name, colon, value = line.partition(":")
            if colon:
                pairs.append((name, value.strip(" \t")))
        return headers

    def to_block(self) -> bytes:
        """Return the block that travels on a link."""
        return "".join([f"{name}: {value}\r\n" for name, value in self._pairs]).encode("latin-1")

    def append(self, name: str, value: str) -> None:
        """Add a header, keeping those of the same name.

        Raises ValueError for what could not be sent: a name that is not a token, a value with a
        line break, a NUL or a character outside of Latin-1.
        """
        if not TOKEN.fullmatch(name):
            raise ValueError(f"not a header name: {name!r}")
        value = str(value)
        if _FORBIDDEN_IN_VALUE.search(value) or not _is_latin1(value):
            raise ValueError(f"header {name}: the value {value!r} cannot be sent")
        self._pairs.append((name, value.strip(" \t")))

    def set(self, name: str, value: str) -> None:
        """Replace all headers of this name by one."""
        self.remove(name)
        self.append(name, value)

    def remove(self, name: str) -> None:
        """Drop all headers of this name; none is fine."""
        wanted = name.lower()
        self._pairs = [pair for pair in self._pairs if pair[0].lower() != wanted]

    def get(self, name: str, default: str | None = None) -> str | None:
        wanted = name.lower()
        for key, value in self._pairs:
            if key.lower() == wanted:
                return value
        return default

    def get_all(self, name: str) -> list[str]:
        wanted = name.lower()
        return [value for key, value in self._pairs if key.lower() == wanted]

    def items(self) -> list[tuple[str, str]]:
        return list(self._pairs)

    def __getitem__(self, name: str) -> str:
        value = self.get(name)
        if value is None:
            raise KeyError(name)
        return value

    def __setitem__(self, name: str, value: str) -> None:
        self.set(name, value)

    def __delitem__(self, name: str) -> None:
        self.remove(name)

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and self.get(name) is not None

    def __iter__(self) -> Iterator[str]:
        return iter([name for name, _ in self._pairs])

    def __len__(self) -> int:
        return len(self._pairs)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Headers):
            return NotImplemented
        mine = [(name.lower(), value) for name, value in self._pairs]
        return mine == [(name.lower(), value) for name, value in other._pairs]

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"Headers({self._pairs!r})"


def _is_latin1(text: str) -> bool:
    return text.isascii() or all(ord(char) < 256 for char in text)
