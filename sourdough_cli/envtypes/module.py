"""One module of the project, as its source says: what it imports, defines and calls what."""

from __future__ import annotations

import ast
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sourdough.errors import ConfigError

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Module:
    """A parsed module."""

    name: str
    """Dotted."""
    modules: dict[str, str] = field(default_factory=dict)
    """Name here -> module, for `import a.b as name`."""
    members: dict[str, tuple[str, str]] = field(default_factory=dict)
    """Name here -> (module, name there), for `from module import name`."""
    classes: dict[str, ast.ClassDef] = field(default_factory=dict)
    others: frozenset[str] = frozenset()
    """Other names that it defines: aliases of types, type variables."""


class Modules:
    """The modules of a project, parsed when they are first asked for."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._found: dict[str, Module | None] = {}

    def get(self, name: str) -> Module | None:
        """Return a module of the project; None for one of others. Raises ConfigError."""
        if name not in self._found:
            self._found[name] = self._read(name)
        return self._found[name]

    def _read(self, name: str) -> Module | None:
        base = self._root.joinpath(*name.split("."))
        for file, package in (
            (base.with_suffix(".py"), name.rpartition(".")[0]),
            (base / "__init__.py", name),
        ):
            if file.is_file():
                return parse(name, package, file)
        return None


def parse(name: str, package: str, file: Path) -> Module:
    """Read a source file. Raises ConfigError where it is no Python."""
    try:
        tree = ast.parse(file.read_bytes(), str(file))
    except (SyntaxError, ValueError) as error:
        place = f"{file.name}:{getattr(error, 'lineno', None) or 1}"
        raise ConfigError(f"{file.name} is not valid Python: {error}.", place=place) from None
    modules: dict[str, str] = {}
    members: dict[str, tuple[str, str]] = {}
    classes: dict[str, ast.ClassDef] = {}
    others: set[str] = set()
    for node in _statements(tree):
        if isinstance(node, ast.Import):
            for each in node.names:
                top = each.name.partition(".")[0]
                modules[each.asname or top] = each.name if each.asname else top
        elif isinstance(node, ast.ImportFrom):
            source = _absolute(node, package)
            members.update({each.asname or each.name: (source, each.name) for each in node.names})
        elif isinstance(node, ast.ClassDef):
            classes[node.name] = node
        else:
            others.update(_assigned(node))
    return Module(
        name=name, modules=modules, members=members, classes=classes, others=frozenset(others)
    )  # fmt: skip


def _statements(tree: ast.Module) -> list[ast.stmt]:
    """Return what stands at the top, and in `if TYPE_CHECKING`, `try` and the like there."""
    found: list[ast.stmt] = []
    waiting = list(tree.body)
    while waiting:
        node = waiting.pop(0)
        found.append(node)
        if isinstance(node, ast.If | ast.Try):
            inner = [*node.body, *node.orelse]
            if isinstance(node, ast.Try):
                inner += [each for handler in node.handlers for each in handler.body]
            waiting = inner + waiting
    return found


def _absolute(node: ast.ImportFrom, package: str) -> str:
    if not node.level:
        return node.module or ""
    parts = package.split(".")[: len(package.split(".")) - node.level + 1]
    return ".".join([*parts, *([node.module] if node.module else [])])


def _assigned(node: ast.stmt) -> set[str]:
    if isinstance(node, ast.Assign):
        return {each.id for each in node.targets if isinstance(each, ast.Name)}
    if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
        return {node.target.id}
    alias = getattr(node, "name", None)  # `type Name = ...`, of Python 3.12
    return {alias.id} if isinstance(alias, ast.Name) else set()
