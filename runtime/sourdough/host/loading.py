"""Imports the user's modules and finds their classes, with errors that name the place."""

from __future__ import annotations

import difflib
import importlib
import importlib.util
import linecache
import sys
import traceback
from dataclasses import dataclass
from pathlib import Path
from types import FunctionType
from typing import TYPE_CHECKING, Any

import msgspec

from sourdough.apps.kind import Kind, NotAnAppError, kind_of
from sourdough.config.modulename import split_entry
from sourdough.errors import SourdoughError, StartError
from sourdough.host.app import entrypoint_of
from sourdough.objects.durable_object import DurableObject, WorkerEntrypoint

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from types import ModuleType

# Frames of importing itself, which say nothing to a user.
_NOT_USERS = ("<frozen ", str(Path(__file__).parents[1]), str(Path(importlib.__file__).parent))

ENTRYPOINT_CLASS = "Default"


class LoadFault(msgspec.Struct, frozen=True, kw_only=True):
    """Why the user's code cannot be loaded; `sourdough.host --check` prints it as JSON."""

    error: str
    """"SyntaxError: '(' was never closed"."""
    place: str | None = None
    """"counter.py:17"."""
    source: str | None = None
    """The line at `place`."""
    hint: str | None = None
    traceback: str | None = None


class LoadError(StartError):
    """The user's code cannot be loaded."""

    def __init__(self, fault: LoadFault) -> None:
        super().__init__(fault.error, place=fault.place, hint=fault.hint)
        self.fault = fault


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """The user's classes: by (module, class name), and the entrypoint where there is one."""

    classes: dict[tuple[str, str], type[DurableObject]]
    entrypoint: type[WorkerEntrypoint] | None


def load(
    references: Sequence[tuple[str, str]],
    main: str | None,
    root: Path,
    *,
    path: Sequence[str] = (),
    sources: Mapping[str, str] | None = None,
) -> Loaded:
    """Import every module and look up every class. Raises LoadError at the first that fails.

    path: where modules are looked for behind the root. sources: the files of modules that importing
    by name does not find.
    """
    # Ours are imported by now, so no module of the user can take their place (invariant P9).
    if str(root) not in sys.path:
        sys.path.insert(0, str(root))
    sys.path += [folder for folder in path if folder not in sys.path]
    for module, file in (sources or {}).items():
        _import_from(module, Path(file), root)
    importlib.invalidate_caches()
    classes = {
        (module, name): _find(_import(module, root), name, DurableObject)
        for module, name in references
    }
    entrypoint = None
    if main is not None:
        module, attribute = split_entry(main)
        entrypoint = _find_entrypoint(_import(module, root), attribute)
    return Loaded(classes=classes, entrypoint=entrypoint)


def forget_modules(root: Path) -> dict[str, ModuleType]:
    """Remove the modules of the project from `sys.modules`, so that they are imported anew.

    Returns them; put back with `sys.modules.update` when the new code does not load.
    """
    linecache.checkcache()
    forgotten = {
        name: module for name, module in list(sys.modules.items()) if _is_of_project(module, root)
    }
    for name in forgotten:
        del sys.modules[name]
    return forgotten


def _is_of_project(module: ModuleType, root: Path) -> bool:
    file = getattr(module, "__file__", None)
    if not file:
        return False
    path = Path(file)
    return path.is_relative_to(root) and "site-packages" not in path.parts


def _import_from(module: str, file: Path, root: Path) -> None:
    """Run a file as a module, unless importing its name leads to that file anyway."""
    if module in sys.modules or _leads_to(module, file):
        return
    spec = importlib.util.spec_from_file_location(module, file)
    if spec is None or spec.loader is None:
        return  # importing it by name says what is wrong
    made = sys.modules[module] = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(made)
    except BaseException as error:
        del sys.modules[module]
        raise LoadError(_fault(error, module, root)) from error


def _leads_to(module: str, file: Path) -> bool:
    try:
        spec = importlib.util.find_spec(module)
    except Exception:  # noqa: BLE001 (a package above it is not there, is none, or does not load)
        return False
    return spec is not None and spec.origin is not None and _same(Path(spec.origin), file)


def _same(one: Path, other: Path) -> bool:
    return one.resolve() == other.resolve()


def _import(module: str, root: Path) -> ModuleType:
    try:
        return importlib.import_module(module)
    except BaseException as error:
        raise LoadError(_fault(error, module, root)) from error


def _find_entrypoint(module: ModuleType, attribute: str | None) -> type[WorkerEntrypoint]:
    name = attribute or ENTRYPOINT_CLASS
    found = getattr(module, name, None)
    if attribute is None or (isinstance(found, type) and issubclass(found, WorkerEntrypoint)):
        entrypoint: type[WorkerEntrypoint] = _find(module, name, WorkerEntrypoint)
        return entrypoint
    place = Path(module.__file__ or module.__name__).name
    if found is None:
        nearest = difflib.get_close_matches(name, vars(module), n=1)
        hint = f'did you mean "{module.__name__}:{nearest[0]}"?' if nearest else None
        error = f"module {module.__name__} has nothing named {name}"
        raise LoadError(LoadFault(error=error, place=place, hint=hint))
    try:
        return entrypoint_of(found, kind_of(found), name)
    except NotAnAppError as error:
        text = f"{name} in module {module.__name__} {error}"
        hint = "an entrypoint is a WorkerEntrypoint class, an ASGI app or a WSGI app"
        raise LoadError(LoadFault(error=text, place=place, hint=hint)) from None


def _app_of(module: ModuleType) -> str | None:
    """Return the name of an app in a module that has no class for an entrypoint."""
    for name, value in vars(module).items():
        try:
            if not isinstance(value, type | FunctionType) and kind_of(value) in Kind:
                return name
        except NotAnAppError:
            continue
    return None


def _find(module: ModuleType, name: str, base: type[Any]) -> Any:
    found = getattr(module, name, None)
    place = Path(module.__file__ or module.__name__).name
    if found is None:
        candidates = [each for each in vars(module) if isinstance(vars(module)[each], type)]
        nearest = difflib.get_close_matches(name, candidates, n=1)
        hint = f"did you mean {nearest[0]}?" if nearest else f"define class {name}({base.__name__})"
        if base is WorkerEntrypoint and (app := _app_of(module)):
            hint = f'for the app in it: main = "{module.__name__}:{app}"'
        raise LoadError(
            LoadFault(error=f"module {module.__name__} has no class {name}", place=place, hint=hint)
        )
    if not isinstance(found, type) or not issubclass(found, base):
        raise LoadError(
            LoadFault(
                error=f"{name} in module {module.__name__} is not a {base.__name__} class",
                place=place,
                hint=f"from sourdough import {base.__name__}; class {name}({base.__name__}): ...",
            )
        )
    return found


def _fault(error: BaseException, module: str, root: Path) -> LoadFault:
    text = "".join(traceback.format_exception(error))
    if isinstance(error, SyntaxError) and error.filename:
        return LoadFault(
            error=f"{type(error).__name__}: {error.msg}",
            place=f"{_relative(error.filename, root)}:{error.lineno}",
            source=(error.text or "").rstrip("\n") or None,
            traceback=text,
        )
    raised = [
        frame for frame in traceback.extract_tb(error.__traceback__)
        if not frame.filename.startswith(_NOT_USERS)
    ]  # fmt: skip
    # Rather the project's own than those of a library that it called.
    frames = [frame for frame in raised if Path(frame.filename).is_relative_to(root)] or raised
    what = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    if isinstance(error, SourdoughError):
        what = error.message  # a sentence of ours, which needs no class in front
    if not frames:
        hint = None
        if isinstance(error, ModuleNotFoundError) and error.name == module:
            hint = f"expected {module.replace('.', '/')}.py in {root}"
        return LoadFault(error=what, place=module, hint=hint, traceback=text)
    last = frames[-1]
    place = f"{_relative(last.filename, root)}:{last.lineno}"
    hint = error.hint if isinstance(error, SourdoughError) else None
    if isinstance(error, ModuleNotFoundError) and error.name:
        hint = f"install what provides it: pip install {error.name.partition('.')[0]}"
    return LoadFault(error=what, place=place, source=last.line, hint=hint, traceback=text)


def _relative(file: str, root: Path) -> str:
    path = Path(file)
    return str(path.relative_to(root)) if path.is_relative_to(root) else file
