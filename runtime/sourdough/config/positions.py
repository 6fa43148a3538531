"""Where the keys of a TOML document are: key path -> line number. Pure.

`tomllib` parses but forgets lines; this finds them and understands nothing else. It expects text
that `tomllib` accepts, and then knows a line for every path that `tomllib` yields:

    ("name",)                               a key: the line it is written on
    ("routes", 0)                           an element: its [[routes]] header, or where it begins
    ("routes", 0, "binding")                a key inside of it
    ("a",) where only [a.b] is written      the first line that mentions it

An explicit header [a] wins over an earlier mention of `a`.
"""

from __future__ import annotations

import re
import tomllib

KeyPath = tuple[str | int, ...]

_BLANK = re.compile(r"(?:[ \t\r\n]|#[^\n]*)+")
_SPACE = re.compile(r"[ \t]*")
_BARE = re.compile(r"[A-Za-z0-9_-]+")
_BASIC = re.compile(r'"(?:[^"\\\n]|\\.)*"')
_LITERAL = re.compile(r"'[^'\n]*'")
# Up to two quotes may stand directly before the closing three, hence {3,5}.
_LONG_BASIC = re.compile(r'"""(?:[^"\\]|\\.|"{1,2}(?!"))*"{3,5}', re.DOTALL)
_LONG_LITERAL = re.compile(r"'''(?:[^']|'{1,2}(?!'))*'{3,5}")
# A number, a boolean or a date; a date may have a space in it.
_SCALAR = re.compile(r"[^,\]}#\n]+")
_VALUES = (_LONG_BASIC, _LONG_LITERAL, _BASIC, _LITERAL, _SCALAR)
_KEYS = (_BARE, _BASIC, _LITERAL)


def key_lines(text: str) -> dict[KeyPath, int]:
    """Return the line, counted from 1, of every key and array element of a valid document."""
    return _Scan(text.replace("\r\n", "\n")).run()


class _Scan:
    """One pass over a document, statement by statement."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._line = 1
        self._counted = 0  # newlines before this offset are in _line
        self._table: KeyPath = ()
        self._elements: dict[KeyPath, int] = {}  # array of tables -> its number of elements
        self._lines: dict[KeyPath, int] = {}

    def run(self) -> dict[KeyPath, int]:
        while self._skip_blank():
            if self._take("[["):
                self._array_header()
            elif self._take("["):
                self._header()
            else:
                self._pair(self._table)
        return self._lines

    def _array_header(self) -> None:
        *parents, name = self._key("]]")
        array = (*self._resolve(parents), name)
        index = self._elements.get(array, 0)
        self._elements[array] = index + 1
        self._mention(array)
        self._table = (*array, index)
        self._lines[self._table] = self._current_line()

    def _header(self) -> None:
        *parents, name = self._key("]")
        self._table = (*self._resolve(parents), name)
        self._lines[self._table] = self._current_line()

    def _resolve(self, parents: list[str]) -> KeyPath:
        """Return the path of the table that a header's leading keys lead to.

        A name that is an array of tables stands for its last element.
        """
        path: KeyPath = ()
        for part in parents:
            path = (*path, part)
            self._mention(path)
            if path in self._elements:
                path = (*path, self._elements[path] - 1)
        return path

    def _pair(self, table: KeyPath) -> None:
        path = table
        for part in self._key("="):
            path = (*path, part)
            self._mention(path)
        self._spaces()
        self._value(path)

    def _value(self, path: KeyPath) -> None:
        if self._take("["):
            self._array(path)
        elif self._take("{"):
            self._inline_table(path)
        else:
            self._token(_VALUES)

    def _array(self, path: KeyPath) -> None:
        index = 0
        while self._skip_blank() and not self._take("]"):
            if self._take(","):
                index += 1
                continue
            self._mention((*path, index))
            self._value((*path, index))

    def _inline_table(self, path: KeyPath) -> None:
        while self._skip_blank() and not self._take("}"):
            if not self._take(","):
                self._pair(path)

    def _key(self, end: str) -> list[str]:
        """Take a dotted key and the sign behind it."""
        parts = []
        while True:
            self._spaces()
            parts.append(_unquoted(self._token(_KEYS)))
            self._spaces()
            if not self._take("."):
                break
        self._take(end)
        return parts

    def _mention(self, path: KeyPath) -> None:
        self._lines.setdefault(path, self._current_line())

    def _current_line(self) -> int:
        self._line += self._text.count("\n", self._counted, self._at)
        self._counted = self._at
        return self._line

    def _skip_blank(self) -> bool:
        """Skip white space, line ends and comments; say whether anything follows."""
        if found := _BLANK.match(self._text, self._at):
            self._at = found.end()
        return self._at < len(self._text)

    def _spaces(self) -> None:
        if found := _SPACE.match(self._text, self._at):
            self._at = found.end()

    def _take(self, sign: str) -> bool:
        if not self._text.startswith(sign, self._at):
            return False
        self._at += len(sign)
        return True

    def _token(self, kinds: tuple[re.Pattern[str], ...]) -> str:
        for kind in kinds:
            if found := kind.match(self._text, self._at):
                self._at = found.end()
                return found.group()
        raise ValueError(f"not valid TOML at line {self._current_line()}")


def _unquoted(key: str) -> str:
    """Return what a simple key says; tomllib knows the escapes."""
    return key if _BARE.fullmatch(key) else next(iter(tomllib.loads(f"{key} = 0")))
