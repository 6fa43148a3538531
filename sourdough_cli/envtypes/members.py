"""What a class offers to callers, as its stub has it: every method is asynchronous there.

def add(self, by: int = 1) -> int       async def add(self, by: int = 1) -> int: ...
async def watch(self)  with yield       def watch(self) -> AsyncIterator[...]: ...
@property def title(self) -> str        @property def title(self) -> Awaitable[str]: ...
"""

from __future__ import annotations

import ast
import copy
from typing import TYPE_CHECKING

from sourdough.objects.calls.methods import RESERVED
from sourdough.objects.durable_object import DurableObject
from sourdough_cli.envtypes.names import base_names, find_class

if TYPE_CHECKING:
    from sourdough_cli.envtypes.module import Module, Modules
    from sourdough_cli.envtypes.names import Names

Function = ast.FunctionDef | ast.AsyncFunctionDef

_ITERATORS = frozenset({
    "AsyncIterator", "AsyncIterable", "AsyncGenerator", "Iterator", "Iterable", "Generator",
})  # fmt: skip
_AWAITABLES = {"Awaitable": 0, "Coroutine": 2}
_PROPERTIES = frozenset({"property", "cached_property"})


def stub_members(modules: Modules, module: Module, name: str, names: Names) -> list[str]:
    """Return the source of every member of a class's stub, those of its bases first."""
    found: dict[str, str] = {}
    for where, function in _functions(modules, module, name, depth=0):
        found.pop(function.name, None)
        found[function.name] = _Member(where, function, names).source()
    return list(found.values())


def _functions(
    modules: Modules, module: Module, name: str, *, depth: int
) -> list[tuple[Module, Function]]:
    located = find_class(modules, module, name)
    if located is None or depth > 32:
        return []
    where, cls = located
    found = []
    for base in reversed(base_names(cls)):
        if base != name:
            found += _functions(modules, where, base, depth=depth + 1)
    for node in cls.body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and _is_public(node):
            found.append((where, node))
    return found


def _is_public(node: Function) -> bool:
    name = node.name
    if name.startswith("_") or name in RESERVED or hasattr(DurableObject, name):
        return False
    # The setter of a property has its name; the getter is what counts.
    return not any(isinstance(each, ast.Attribute) and each.attr in {"setter", "deleter"}
                   for each in node.decorator_list)  # fmt: skip


class _Member:
    """One function of a class, on its way to its stub."""

    def __init__(self, module: Module, node: Function, names: Names) -> None:
        self._module = module
        self._node = node
        self._names = names
        params = getattr(node, "type_params", ())
        self._own = frozenset(each.name for each in params)
        self._decorators = {_last_name(each) for each in node.decorator_list}

    def source(self) -> str:
        """Return it as it is written in the stub."""
        if self._decorators & _PROPERTIES:
            return self._property()
        node = self._node
        streams = _yields(node)
        returns = self._streamed() if streams else self._returned()
        made = (ast.FunctionDef if streams else ast.AsyncFunctionDef)(
            name=node.name,
            args=self._arguments(),
            body=[ast.Expr(ast.Constant(...))],
            decorator_list=[],
            returns=returns,
        )
        # Since Python 3.12; before, nothing writes them.
        made.__dict__["type_params"] = getattr(node, "type_params", [])
        return _unparsed(made)

    def _property(self) -> str:
        kind = self._names.of("collections.abc", "Awaitable")
        returns = ast.Subscript(kind, self._annotation(self._node.returns), ast.Load())
        return f"@property\ndef {self._node.name}(self) -> {_unparsed(returns)}: ..."

    def _arguments(self) -> ast.arguments:
        arguments = copy.deepcopy(self._node.args)
        receiver = ast.arg("self")
        if "staticmethod" in self._decorators:
            (arguments.posonlyargs or arguments.args).insert(0, receiver)
        elif arguments.posonlyargs:
            arguments.posonlyargs[0] = receiver
        elif arguments.args:
            arguments.args[0] = receiver
        everything = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
        everything += [each for each in (arguments.vararg, arguments.kwarg) if each is not None]
        for each in everything:
            if each is not receiver:
                each.annotation = self._annotation(each.annotation)
        arguments.defaults = [_default(each) for each in arguments.defaults]
        arguments.kw_defaults = [
            None if each is None else _default(each) for each in arguments.kw_defaults
        ]
        return arguments

    def _annotation(self, node: ast.expr | None) -> ast.expr:
        return self._names.rewrite(copy.deepcopy(node), self._module, self._own)

    def _returned(self) -> ast.expr:
        """Return what awaiting gives: of a plain function that returns an awaitable, its result."""
        node = self._node.returns
        if isinstance(node, ast.Subscript) and isinstance(self._node, ast.FunctionDef):
            place = _AWAITABLES.get(_last_name(node.value))
            if place is not None:
                return self._annotation(_parameter(node, place))
        return self._annotation(node)

    def _streamed(self) -> ast.expr:
        """Return what a generator gives to callers."""
        node = self._node.returns
        item = None
        if isinstance(node, ast.Subscript) and _last_name(node.value) in _ITERATORS:
            item = _parameter(node, 0)
        kind = self._names.of("collections.abc", "AsyncIterator")
        return ast.Subscript(kind, self._annotation(item), ast.Load())


def _parameter(node: ast.Subscript, place: int) -> ast.expr | None:
    inner = node.slice
    items = inner.elts if isinstance(inner, ast.Tuple) else [inner]
    return items[place] if place < len(items) else None


def _yields(node: Function) -> bool:
    """Say whether a function is a generator; what stands in functions inside does not count."""
    waiting: list[ast.AST] = list(node.body)
    while waiting:
        each = waiting.pop()
        if isinstance(each, ast.Yield | ast.YieldFrom):
            return True
        if not isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda | ast.ClassDef):
            waiting += ast.iter_child_nodes(each)
    return False


def _default(node: ast.expr) -> ast.expr:
    """Return a default as it may stand elsewhere: a literal as it is, anything else as `...`."""
    try:
        ast.literal_eval(node)
    except (ValueError, TypeError):
        return ast.Constant(...)
    return node


def _last_name(node: ast.expr) -> str:
    inner = node.func if isinstance(node, ast.Call) else node
    return ast.unparse(inner).rpartition(".")[2]


def _unparsed(node: ast.AST) -> str:
    return ast.unparse(ast.fix_missing_locations(node)).replace(":\n    ...", ": ...")
