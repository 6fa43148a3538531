"""Annotations of one module, written so that they mean the same in another.

Each name becomes one of the module that it comes from, under an alias that nothing else has:
`Item` of shop.py is `_shop.Item`, `Iterable` that it imports is `_collections_abc.Iterable`.
"""

from __future__ import annotations

import ast
import builtins
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sourdough_cli.envtypes.module import Module, Modules

_ANY = ("typing", "Any")
# Live objects travel by reference: on the other side they have another type.
_BY_REFERENCE = frozenset({"DurableObject", "RpcTarget"})
_MOST_BASES = 32


class Names:
    """Rewrites annotations, and notes the modules that they need."""

    def __init__(self, modules: Modules) -> None:
        self._modules = modules
        self.needed: set[str] = set()

    def rewrite(self, node: ast.expr | None, module: Module, own: frozenset[str]) -> ast.expr:
        """Return an annotation as it has to be written; Any for none.

        own: names of type parameters of the function, which stay.
        """
        if node is None:
            return self.of(*_ANY)
        return _Rewriting(self, module, own).visit(node)  # type: ignore[no-any-return]

    def of(self, module: str, name: str) -> ast.expr:
        """Return the expression for a name of a module."""
        return ast.Attribute(self.alias(module), name, ast.Load())

    def alias(self, module: str) -> ast.Name:
        """Return the name under which a module is imported."""
        self.needed.add(module)
        return ast.Name(alias_of(module), ast.Load())

    def named(self, name: str, module: Module) -> ast.expr:
        """Return the expression for a name as it stands in a module."""
        if name in module.classes:
            if self.by_reference(module, module.classes[name]):
                return self.of(*_ANY)
            return self.of(module.name, name)
        if name in module.members:
            return self._member(*module.members[name])
        if name in module.modules:
            return self.alias(module.modules[name])
        if name in module.others:
            return self.of(module.name, name)
        return ast.Name(name, ast.Load()) if hasattr(builtins, name) else self.of(*_ANY)

    def _member(self, source: str, name: str) -> ast.expr:
        theirs = self._modules.get(source)
        if name in _BY_REFERENCE and source.partition(".")[0] == "sourdough":
            return self.of(*_ANY)
        if source == "typing" and name == "Self":
            return self.of(*_ANY)
        if theirs is not None and name in theirs.classes:
            return self.named(name, theirs)
        if theirs is None and self._modules.get(f"{source}.{name}") is not None:
            return self.alias(f"{source}.{name}")
        return self.of(source, name)

    def by_reference(self, module: Module, cls: ast.ClassDef) -> bool:
        """Say whether instances of a class stay where they are, and a reference travels."""
        return any(name in _BY_REFERENCE for name in self._all_bases(module, cls))

    def _all_bases(self, module: Module, cls: ast.ClassDef) -> set[str]:
        found: set[str] = set()
        waiting = [(module, cls)]
        while waiting and len(found) < _MOST_BASES:
            where, each = waiting.pop()
            for name in base_names(each):
                found.add(name)
                base = find_class(self._modules, where, name)
                if base is not None and base[1] is not each:
                    waiting.append(base)
        return found


def alias_of(module: str) -> str:
    """Return the name under which a module is imported in the written file."""
    return "_" + module.replace(".", "_")


def base_names(cls: ast.ClassDef) -> list[str]:
    """Return the bases of a class as they are written, without what stands in brackets."""
    bases = [each.value if isinstance(each, ast.Subscript) else each for each in cls.bases]
    return [ast.unparse(each).rpartition(".")[2] for each in bases]


def find_class(modules: Modules, module: Module, name: str) -> tuple[Module, ast.ClassDef] | None:
    """Return a class of the project by its name in a module, and the module that defines it."""
    if name in module.classes:
        return module, module.classes[name]
    source = module.members.get(name)
    theirs = None if source is None else modules.get(source[0])
    if source is None or theirs is None or theirs is module:
        return None
    return find_class(modules, theirs, source[1])


class _Rewriting(ast.NodeTransformer):
    """One annotation."""

    def __init__(self, names: Names, module: Module, own: frozenset[str]) -> None:
        self._names = names
        self._module = module
        self._own = own

    def visit_Name(self, node: ast.Name) -> ast.expr:
        return node if node.id in self._own else self._names.named(node.id, self._module)

    def visit_Constant(self, node: ast.Constant) -> ast.expr:
        if not isinstance(node.value, str):
            return node
        try:
            inner = ast.parse(node.value, mode="eval").body
        except SyntaxError:
            return self._names.of(*_ANY)
        return self.visit(inner)  # type: ignore[no-any-return]

    def visit_Subscript(self, node: ast.Subscript) -> ast.expr:
        value = self.visit(node.value)
        # What stands in Literal["a"] is a value.
        is_literal = isinstance(value, ast.Attribute) and value.attr == "Literal"
        inner = node.slice if is_literal else self.visit(node.slice)
        return ast.Subscript(value, inner, ast.Load())
