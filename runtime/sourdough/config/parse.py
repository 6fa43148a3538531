"""Text of `sourdough.toml` -> Config, or every fault of it. Pure; never stops at the first fault.

Three steps: `tomllib` parses, a walk along the model's fields checks keys and types, `rules` check
what must hold between fields. A refused value is replaced by its default or by a blank, so that
the later steps always see a whole Config and one mistake stays one fault.
"""

from __future__ import annotations

import json
import re
import tomllib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec
from msgspec.inspect import DictType, StrType, StructType, Type, VarTupleType, type_info

from sourdough.config.expectation import admits_text, bare, choices, expected, show
from sourdough.config.fault import Fault
from sourdough.config.model import Config
from sourdough.config.modulename import entry_name, module_name
from sourdough.config.nearest import nearest, suggest
from sourdough.config.positions import KeyPath, key_lines
from sourdough.config.problem import BLANK, Problem
from sourdough.config.rules import problems
from sourdough.config.table import Table, spellings

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from msgspec.structs import FieldInfo

_Model = TypeVar("_Model", bound=msgspec.Struct)

_PLACE = re.compile(r" \(at (?:line (\d+), column (\d+)|end of document)\)$")
_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Parsed:
    """A configuration without faults, or its faults in the order of their lines.

    draft is what could be read in spite of faults, blanks in place of the refused; None when the
    text is not TOML. lines are those of all keys.
    """

    config: Config | None
    faults: tuple[Fault, ...]
    draft: Config | None = None
    lines: Mapping[KeyPath, int] = field(default_factory=dict)


def parse(text: str, *, file: str) -> Parsed:
    """Check a configuration; `file` is the name that the faults carry."""
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        return Parsed(config=None, faults=(_syntax_fault(error, text, file),))
    draft, found = examine(document)
    lines = key_lines(text)
    faults = located(found, lines, file=file)
    return Parsed(config=None if faults else draft, faults=faults, draft=draft, lines=lines)


def examine(document: dict[str, Any]) -> tuple[Config, list[Problem]]:
    """Check a configuration that is read already: what could be read of it, and its problems."""
    walk = _Walk()
    draft = _with_dotted_modules(walk.table(Config, document, ()))
    return draft, [*walk.problems, *problems(draft)]


def located(
    found: Iterable[Problem], lines: Mapping[KeyPath, int] | None, *, file: str
) -> tuple[Fault, ...]:
    """Give problems their place in the file, in the order of lines. lines: None without a file."""
    faults = (
        Fault(
            file=file,
            line=None if lines is None else _line_of(problem.path, lines),
            field=field_text(problem.path),
            message=problem.message,
            hint=problem.hint,
        )
        for problem in found
    )
    return tuple(sorted(faults, key=lambda fault: fault.line or 0))


def field_text(path: KeyPath) -> str:
    """Return a key path as people write it: routes[0].binding."""
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
            continue
        key = part if _BARE_KEY.fullmatch(part) else json.dumps(part, ensure_ascii=False)
        text += f".{key}" if text else key
    return text


def _line_of(path: KeyPath, lines: Mapping[KeyPath, int]) -> int:
    """Return the line of a key, or of the nearest table around it."""
    while path:
        if path in lines:
            return lines[path]
        path = path[:-1]
    return 1


def _syntax_fault(error: tomllib.TOMLDecodeError, text: str, file: str) -> Fault:
    message = str(error)
    found = _PLACE.search(message)
    line, column = text.count("\n") + 1, len(text) - text.rfind("\n")
    if found and found[1]:
        line, column = int(found[1]), int(found[2])
    message = f"not valid TOML: {_PLACE.sub('', message)}"
    return Fault(file=file, line=line, column=column, field="", message=message)


def _with_dotted_modules(config: Config) -> Config:
    """Replace "counter.py" by "counter"; what is no module is left for the rules."""
    bindings = tuple(
        msgspec.structs.replace(each, module=module_name(each.module) or each.module)
        for each in config.bindings
    )
    main = config.main and (entry_name(config.main) or config.main)
    objects = msgspec.structs.replace(config.durable_objects, bindings=bindings)
    return msgspec.structs.replace(config, durable_objects=objects, main=main)


def _hint(key: str, fields: Sequence[FieldInfo], *, inside: bool) -> str:
    # The trap of TOML: what stands below a [table] belongs to it, however far to the left.
    if inside and any(key in spellings(each) for each in msgspec.structs.fields(Config)):
        return "it belongs to the top of the file, above the first [table]"
    return suggest(key, _names(fields), otherwise="known here:")


class _Walk:
    """One pass over a document along the types of the model."""

    def __init__(self) -> None:
        self.problems: list[Problem] = []

    def table(self, model: type[_Model], table: dict[str, Any], path: KeyPath) -> _Model:
        """Return the model of a table, as complete as it can be."""
        fields = msgspec.structs.fields(model)
        keys = self._assigned(fields, table, path, _refused(model))
        values = {}
        for each in fields:
            if (key := keys.get(each.name)) is not None:
                values[each.name] = self._value(each, table[key], (*path, key))
            elif each.required:
                values[each.name] = BLANK
        self._report_missing(fields, table, keys, path)
        return model(**values)

    def _assigned(
        self,
        fields: Sequence[FieldInfo],
        table: dict[str, Any],
        path: KeyPath,
        refused: Mapping[str, str],
    ) -> dict[str, str]:
        """Return field name -> key; report the keys that are unknown or given twice."""
        named = {key: each.name for each in fields for key in spellings(each)}
        keys: dict[str, str] = {}
        for key in table:
            if key in refused:
                self._report((*path, key), refused[key])
            elif key not in named:
                self._report((*path, key), "unknown key", _hint(key, fields, inside=bool(path)))
            elif named[key] in keys:
                self._report((*path, key), f"the same key as {keys[named[key]]}; keep one of them")
            else:
                keys[named[key]] = key
        return keys

    def _report_missing(
        self,
        fields: Sequence[FieldInfo],
        table: dict[str, Any],
        keys: dict[str, str],
        path: KeyPath,
    ) -> None:
        """Report required keys, except those that stand there mistyped."""
        unknown = set(table) - set(keys.values())
        meant = {nearest(key, _names(fields)) for key in unknown}
        for each in fields:
            if each.required and each.name not in keys and each.encode_name not in meant:
                words = expected(type_info(each.type))
                self._report((*path, each.encode_name), f"missing; expected {words}")

    def _value(self, field: FieldInfo, value: Any, path: KeyPath) -> Any:
        kind = bare(type_info(field.type))
        if isinstance(kind, StructType) and isinstance(value, dict):
            return self.table(kind.cls, value, path)
        if isinstance(kind, VarTupleType) and isinstance(value, list):
            return self._array(bare(kind.item_type), value, path)
        if isinstance(kind, DictType) and isinstance(value, dict):
            item = bare(kind.value_type)
            if isinstance(item, StructType):
                return self._tables(item, value, path)
        try:
            return msgspec.convert(value, field.type)
        except msgspec.ValidationError:
            self._expect(kind, value, path)
            return BLANK if admits_text(kind) else _default(field)

    def _array(self, item: Type, values: list[Any], path: KeyPath) -> tuple[Any, ...]:
        found: list[Any] = []
        for index, value in enumerate(values):
            if isinstance(item, StructType) and isinstance(value, dict):
                found.append(self.table(item.cls, value, (*path, index)))
            elif isinstance(item, StrType) and isinstance(value, str):
                found.append(value)
            else:
                self._expect(item, value, (*path, index))
                found += [BLANK] if admits_text(item) else []
        return tuple(found)

    def _tables(self, item: StructType, values: dict[str, Any], path: KeyPath) -> dict[str, Any]:
        """Return the tables of a table whose keys are names that people choose."""
        found: dict[str, Any] = {}
        for name, value in values.items():
            if isinstance(value, dict):
                found[name] = self.table(item.cls, value, (*path, name))
            else:
                self._expect(item, value, (*path, name))
        return found

    def _expect(self, kind: Type, value: Any, path: KeyPath) -> None:
        near = nearest(value, choices(kind)) if isinstance(value, str) else None
        hint = f"did you mean {near}?" if near else None
        self._report(path, f"expected {expected(kind)}, got {show(value)}", hint)

    def _report(self, path: KeyPath, message: str, hint: str | None = None) -> None:
        self.problems.append(Problem(path=path, message=message, hint=hint))


def _refused(model: type[msgspec.Struct]) -> Mapping[str, str]:
    return model.refused if issubclass(model, Table) else {}


def _names(fields: Sequence[FieldInfo]) -> list[str]:
    return [each.encode_name for each in fields]


def _default(field: FieldInfo) -> Any:
    if field.default_factory is not msgspec.NODEFAULT:
        return field.default_factory()
    return field.default
