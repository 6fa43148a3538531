"""Text of strangers, made safe to print: a path or a name can never move the cursor.

Control characters, line separators, and the invisible marks that reorder text are written as
`\\x1b` or `\\u202e`. Everything else, in every script, stays as it is.
"""

from __future__ import annotations

import re
import unicodedata

# Control, format (bidirectional overrides ...), surrogate, line and paragraph separators.
_UNSAFE = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
# Joiners shape ordinary Persian, Indic and emoji text and cannot reorder anything.
_JOINERS = frozenset("\u200c\u200d")
_COLOUR = re.compile(r"\x1b\[[0-9;:]*m")


def escape(text: str) -> str:
    """Return `text` with everything invisible or commanding written out."""
    if text.isprintable():
        return text
    return "".join(_written(char) if _is_unsafe(char) else char for char in text)


def escape_output(text: str) -> str:
    """Make a printed line safe: colours are dropped, tabs become spaces, the rest is escaped."""
    if text.isprintable():
        return text
    return escape(_COLOUR.sub("", text).rstrip("\r\n").expandtabs(8))


def _is_unsafe(char: str) -> bool:
    return unicodedata.category(char) in _UNSAFE and char not in _JOINERS


def _written(char: str) -> str:
    return char.encode("unicode_escape", "surrogatepass").decode("ascii")
