"""Finds where inside a value the trouble is, in the words a programmer would use to get there.

Runs only after an encoding failed, so it may be slow.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sourdough.values.encoder import SUPPORTED

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_SHOWN_KEY = 40


def culprit(
    value: Any, root: str = "value", passes: Callable[[Any], bool] | None = None
) -> tuple[str, Any] | None:
    """Return (path, part) of the first part that cannot be encoded, such as `value["a"][3]`.

    A tuple or set inside a key is named by the key it belongs to. None when every part is fine.
    root: what the value is called. passes: says which other parts travel by reference.
    """
    seen: set[int] = set()
    stack: list[tuple[str, Any]] = [(root, value)]
    while stack:
        path, part = stack.pop()
        if _unsupported(part) and (passes is None or not passes(part)):
            return path, part
        if id(part) in seen:
            continue
        if isinstance(part, dict | list | tuple | set | frozenset):
            seen.add(id(part))
            stack.extend(reversed(list(_parts(path, part))))
    return None


def _unsupported(part: Any) -> bool:
    if type(part) not in SUPPORTED:
        return not hasattr(type(part), "__plain__")
    return type(part) is str and not _is_text(part)


def _is_text(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _parts(path: str, container: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(container, dict):
        for key, item in container.items():
            yield f"{path} (key {_short(key)})", key
            yield f"{path}[{_short(key)}]", item
    elif isinstance(container, set | frozenset):
        for item in container:
            yield f"{path} (element {_short(item)})", item
    else:
        for index, item in enumerate(container):
            yield f"{path}[{index}]", item


def _short(key: Any) -> str:
    if type(key) is str:
        text = ascii(key) if not _is_text(key) else _double_quoted(key)
    else:
        text = repr(key)
    return text if len(text) <= _SHOWN_KEY else text[: _SHOWN_KEY - 2] + ".."


def _double_quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
