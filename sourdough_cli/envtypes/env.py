"""The file that `sourdough types` writes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sourdough_cli.envtypes.members import stub_members
from sourdough_cli.envtypes.module import Modules
from sourdough_cli.envtypes.names import Names, alias_of

if TYPE_CHECKING:
    from sourdough.config.model import Config, Project

_HEAD = '''\
# Written by `sourdough types`. Do not edit: run it again when a method or a binding changes.
"""The types of `env`, for code that says `DurableObject[Env]`."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
'''
_FOOT = """
else:
    from sourdough import Env

__all__ = ["Env"]
"""
_STUB = '''\
class {stub}:
    """Reaches one object of {module}.{name}."""

    id: _sourdough.ObjectId
    name: str | None

    def with_timeout(self, seconds: float) -> {stub}: ...

    async def fetch(
        self,
        request: _sourdough.Request | str,
        *,
        method: str = "GET",
        headers: _sourdough.Headers | _typing.Mapping[str, str] | None = None,
        body: _typing.Any = None,
    ) -> _sourdough.Response: ...
'''
_NAMESPACE = """\
class {space}(_sourdough.DurableObjectNamespace[{alias}.{name}]):
    def get(self, object_id: _sourdough.ObjectId) -> {stub}: ...  # type: ignore[override]
    def get_by_name(self, name: str) -> {stub}: ...  # type: ignore[override]
"""


def env_source(project: Project) -> str:
    """Return the source of the file for a project. Raises ConfigError for what cannot be read."""
    modules = Modules(project.root)
    names = Names(modules)
    parts = []
    for reference in project.config.classes:
        module = modules.get(reference.module)
        words = {
            "stub": f"{reference.class_name}Stub",
            "space": f"{reference.class_name}Namespace",
            "name": reference.class_name,
            "module": reference.module,
            "alias": alias_of(reference.module),
        }
        names.needed.add(reference.module)
        members = [] if module is None else stub_members(modules, module, words["name"], names)
        stub = _STUB.format(**words)
        parts.append("\n".join([stub, *(_indented(each) for each in members)]))
        parts.append(_NAMESPACE.format(**words))
    parts.append(_env(project.config))
    names.needed |= {"sourdough", "typing"}
    imports = "".join(f"import {each} as {alias_of(each)}\n" for each in sorted(names.needed))
    return _HEAD + _indented("\n".join([imports, *parts])) + _FOOT


def _env(config: Config) -> str:
    lines = ["class Env:", '    """What sourdough.toml puts into `env`."""', ""]
    lines += [f"    {each.name}: {each.class_name}Namespace" for each in config.bindings]
    lines += [f"    {name}: {_type_of(value)}" for name, value in config.vars.items()]
    return "\n".join(lines) + "\n"


def _type_of(value: Any) -> str:
    if isinstance(value, list):
        return "list[_typing.Any]"
    if isinstance(value, dict):
        return "dict[str, _typing.Any]"
    if isinstance(value, str | bool | int | float):
        return type(value).__name__
    return "_typing.Any"  # a date or a time


def _indented(text: str) -> str:
    return "\n".join(f"    {line}" if line else "" for line in text.split("\n")).rstrip() + "\n"
