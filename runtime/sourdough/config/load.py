"""Finds and reads a configuration, and looks at the user's modules without running them.

The only part of the configuration that touches the disk. What a module really does when it is
imported is for the host to find out (`sourdough check` asks one).
"""

from __future__ import annotations

import importlib
import re
import sys
from importlib.machinery import PathFinder
from pathlib import Path
from typing import TYPE_CHECKING

from sourdough.config.fault import ConfigFaults, Fault
from sourdough.config.model import Binding, Config, DurableObjects, Project, Route
from sourdough.config.modulename import module_name, shadowed, split_entry
from sourdough.config.nearest import suggest
from sourdough.config.parse import located, parse
from sourdough.config.positions import key_lines
from sourdough.config.problem import Problem
from sourdough.config.source import Names, names_of
from sourdough.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from importlib.machinery import ModuleSpec

    from sourdough.config.positions import KeyPath

FILE_NAME = "sourdough.toml"

_NOT_IN_NAMES = re.compile(r"[^A-Za-z0-9_.-]+")
_WORDS = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")


def find(start: Path | None = None) -> Path:
    """Return the configuration file: `start`, or sourdough.toml in it or in the current folder.

    Raises ConfigError when there is none.
    """
    path = start if start is not None else Path(FILE_NAME)
    if path.is_dir():
        path /= FILE_NAME
    if not path.is_file():
        raise ConfigError(
            f"There is no {path}.",
            place=str(path),
            hint="`sourdough new DIR` makes a project; -c FILE names a configuration elsewhere.",
        )
    return path


def load(path: Path) -> Project:
    """Read and check a configuration file and, without running them, the modules it names.

    Raises ConfigFaults with every fault, ConfigError when the file cannot be read.
    """
    file = str(path)
    parsed = parse(_read(path), file=file)
    faults = list(parsed.faults)
    root = path.resolve().parent
    if parsed.draft is not None:
        modules = _Modules(root, shown=path.parent)
        found = list(modules.problems(parsed.draft))
        faults += [*located(found, parsed.lines, file=file), *modules.faults]
    if faults or parsed.config is None:
        faults.sort(key=lambda fault: (fault.file != file, fault.file, fault.line or 0))
        raise ConfigFaults(file, faults)
    return Project(config=parsed.config, root=root, file=path.resolve())


def located_at(project: Project, problem: Problem) -> ConfigFaults:
    """Return a problem that was found after loading as the fault of its line."""
    if project.file is None:
        return ConfigFaults(project.origin, located([problem], None, file=project.origin))
    try:
        lines = key_lines(_read(project.file))
    except (ConfigError, ValueError):
        lines = {}  # changed in the meantime; the next save tells what is wrong with it
    here = Path.cwd()
    file = project.file.relative_to(here) if project.file.is_relative_to(here) else project.file
    return ConfigFaults(str(file), located([problem], lines, file=str(file)))


def for_class(module: str, class_name: str, root: Path) -> Project:
    """Return the project of one class without a file: `/{name}/*` leads to its objects.

    Raises ConfigFaults when the module or the class is not there.
    """
    root = root.resolve()
    dotted = module_name(module)
    binding = binding_name(class_name)
    config = Config(
        name=application_name(root.name),
        durable_objects=DurableObjects(
            bindings=(Binding(name=binding, class_name=class_name, module=dotted or module),)
        ),
        routes=(Route(pattern="/{name}/*", binding=binding, id="{name}"),),
    )
    faults = _option_faults(config, dotted, root)
    if faults:
        raise ConfigFaults("the command line", faults)
    return Project(config=config, root=root)


def application_name(folder: str) -> str:
    """Return a valid application name near to the name of a folder."""
    return _NOT_IN_NAMES.sub("-", folder).strip("-._")[:63] or "app"


def binding_name(class_name: str) -> str:
    """Return the usual name in env of a class: ChatRoom -> CHAT_ROOM."""
    return _WORDS.sub("_", class_name).upper()


def _read(path: Path) -> str:
    try:
        return path.read_bytes().decode()
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}.", place=str(path)) from error
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        fault = Fault(file=str(path), line=line, field="", message="not valid TOML: not UTF-8")
        raise ConfigFaults(str(path), [fault]) from error


def _option_faults(config: Config, dotted: str | None, root: Path) -> list[Fault]:
    """Return what is wrong with --module and --class."""
    option = f"--module {config.bindings[0].module}"
    wrong = "expected a file or a dotted module" if dotted is None else shadowed(dotted)
    if wrong is not None:
        return [Fault(file=option, line=None, field="", message=wrong)]
    modules = _Modules(root, shown=Path())
    found = [
        Fault(file=option, line=None, field="", message=problem.message, hint=problem.hint)
        for problem in modules.problems(config)
    ]
    return found + modules.faults


class _Modules:
    """The user's modules below a root folder; each file is read once."""

    def __init__(self, root: Path, *, shown: Path) -> None:
        self.faults: list[Fault] = []
        """Syntax errors, each at its own file and line."""
        self._root = root
        self._shown = shown
        self._names: dict[Path, Names | None] = {}
        importlib.invalidate_caches()

    def problems(self, config: Config) -> Iterator[Problem]:
        """Yield the modules and classes that are not where the configuration says."""
        for index, binding in enumerate(config.bindings):
            path: KeyPath = ("durable_objects", "bindings", index)
            yield from self._module((*path, "module"), binding.module, binding.class_name, path)
        if config.main is not None:
            yield from self._module(("main",), split_entry(config.main)[0], None, ())

    def _module(
        self, path: KeyPath, module: str, class_name: str | None, table: KeyPath
    ) -> Iterator[Problem]:
        if module_name(module) is None or shadowed(module):
            return  # reported by the rules
        spec = _locate(module, [str(self._root)]) or _locate(module, _installed())
        if spec is None:
            yield self._no_module(path, module)
            return
        names = self._read(spec)
        if names is None or not class_name or names.may_have(class_name):
            return
        file = self._display(Path(spec.origin or module))
        yield Problem(
            path=(*table, "class_name"),
            message=f'{file} has no class "{class_name}"',
            hint=suggest(class_name, names.classes, otherwise="its classes:"),
        )

    def _no_module(self, path: KeyPath, module: str) -> Problem:
        near = sorted(file.stem for file in self._root.glob("*.py"))
        expected = module.replace(".", "/")
        return Problem(
            path=path,
            message=f"no module {module}: expected {expected}.py or {expected}/__init__.py "
            "beside the configuration",
            hint=suggest(module, near, otherwise="modules there:"),
        )

    def _read(self, spec: ModuleSpec) -> Names | None:
        """Return the names of a module's source; None when there is none or it is faulty."""
        file = Path(spec.origin or "")
        if file.suffix != ".py":
            return None
        if file not in self._names:
            self._names[file] = self._analyse(file)
        return self._names[file]

    def _analyse(self, file: Path) -> Names | None:
        try:
            return names_of(file.read_bytes())
        except SyntaxError as error:
            message = f"{type(error).__name__}: {error.msg}"
            line, column = error.lineno or 1, error.offset or None
        except OSError as error:
            message, line, column = f"cannot be read: {error.strerror}", 1, None
        self.faults.append(
            Fault(file=self._display(file), line=line, column=column, field="", message=message)
        )
        return None

    def _display(self, file: Path) -> str:
        if file.is_relative_to(self._root):
            return str(self._shown / file.relative_to(self._root))
        return str(file)


def _installed() -> list[str]:
    """Return where installed modules are; the current folder is not one of these places."""
    return [entry for entry in sys.path if entry and Path(entry) != Path.cwd()]


def _locate(module: str, places: list[str]) -> ModuleSpec | None:
    """Find a dotted module, importing nothing on the way."""
    spec: ModuleSpec | None = None
    *parents, last = module.split(".")
    for parent in parents:
        spec = PathFinder.find_spec(parent, places)
        if spec is None or spec.submodule_search_locations is None:
            return None
        places = list(spec.submodule_search_locations)
    spec = PathFinder.find_spec(last, places)
    # A folder without __init__.py is found as well, but holds no class.
    return spec if spec is not None and spec.origin is not None else None
