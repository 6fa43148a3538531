"""Arguments of a method, as they are written on a command line. Pure.

3  '"text"'  '[1, 2]'  null     positional: JSON
by=3  name='"a"'                by name: an identifier, "=" and JSON
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from sourdough.errors import SourdoughError

if TYPE_CHECKING:
    from collections.abc import Iterable

# No JSON begins so.
_NAMED = re.compile(r"([^\W\d]\w*)=(.*)", re.DOTALL)


class WordsError(SourdoughError):
    """An argument of a method cannot be read."""

    exit_code = 2


Arguments = tuple[tuple[Any, ...], dict[str, Any]]


def read_arguments(words: Iterable[str]) -> Arguments:
    """Return positional and named arguments. Raises WordsError for what is no JSON."""
    args: list[Any] = []
    kwargs: dict[str, Any] = {}
    for word in words:
        named = _NAMED.fullmatch(word)
        if named is None:
            if kwargs:
                raise WordsError(f"{word} has no name, but stands behind one that has.")
            args.append(_value(word))
        elif named[1] in kwargs:
            raise WordsError(f"{named[1]} is given twice.")
        else:
            kwargs[named[1]] = _value(named[2])
    return tuple(args), kwargs


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        written = json.dumps(text, ensure_ascii=False)
        raise WordsError(
            f"Arguments are JSON, and {text} is not.", hint=f"For a text: '{written}'."
        ) from None
