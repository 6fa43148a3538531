"""What a module of the user defines, read from its source without running it. Pure.

The answer may err on the side of "could be there" (a star import, a module `__getattr__`, names
made by `globals()`): the real import comes later and is exact.
"""

from __future__ import annotations

import ast
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

# Names whose use at module level may define any other.
_MAKERS = frozenset({"globals", "exec", "vars", "setattr"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Names:
    """The names at the top level of a module.

    classes are those of class statements. anything: names may appear that cannot be seen.
    """

    classes: tuple[str, ...]
    others: frozenset[str]
    anything: bool

    def may_have(self, name: str) -> bool:
        return self.anything or name in self.classes or name in self.others


def names_of(source: bytes) -> Names:
    """Return the names that a module's source defines. Raises SyntaxError."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            module = ast.parse(source)
        except ValueError as error:  # null bytes, on some versions of Python
            raise SyntaxError(str(error)) from error
    classes: dict[str, None] = {}
    others: set[str] = set()
    for node in _top_level(module):
        if isinstance(node, ast.ClassDef):
            classes[node.name] = None
        others.update(_bound(node))
    return Names(
        classes=tuple(classes),
        others=frozenset(others),
        anything=bool(others & {"*", "__getattr__"}) or _makes_names(module),
    )


def _top_level(node: ast.AST) -> Iterator[ast.AST]:
    """Yield what runs at import: also inside of if, try, with, for and match."""
    for child in ast.iter_child_nodes(node):
        yield child
        if not isinstance(
            child, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
        ):
            yield from _top_level(child)


def _bound(node: ast.AST) -> Iterator[str]:
    match node:
        case ast.Name(id=name, ctx=ast.Store()):
            yield name
        case ast.alias(name=name, asname=other):
            yield other or name.partition(".")[0]
        case ast.FunctionDef(name=name, decorator_list=decorators):
            # A function is no class, but its decorator may return one.
            if decorators or name == "__getattr__":
                yield name
        case _:
            pass  # binds nothing of its own


def _makes_names(module: ast.Module) -> bool:
    return any(isinstance(node, ast.Name) and node.id in _MAKERS for node in _top_level(module))
