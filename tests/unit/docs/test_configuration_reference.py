"""The configuration reference of the readme is the model: its keys, their true defaults."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import msgspec
from msgspec.inspect import DictType, Metadata, StructType, VarTupleType, type_info

from sourdough.config.expectation import bare
from sourdough.config.model import Config
from tests.unit.docs import markdown

if TYPE_CHECKING:
    from collections.abc import Iterator


def rows(model: type[msgspec.Struct], at: str = "") -> Iterator[tuple[str, str, str]]:
    """Yield key, default and description of every key of a model and those below it."""
    for field in msgspec.structs.fields(model):
        kind = type_info(field.type)
        inner = bare(kind)
        path = f"{at}{field.encode_name}"
        if isinstance(inner, StructType):
            yield from rows(inner.cls, f"{path}.")
        elif isinstance(inner, VarTupleType) and isinstance(bare(inner.item_type), StructType):
            yield from rows(
                bare(inner.item_type).cls, f"{path}[]." if "[[" in at else f"[[{path}]]."
            )
        elif isinstance(inner, DictType) and isinstance(bare(inner.value_type), StructType):
            yield from rows(bare(inner.value_type).cls, f"{path}.NAME.")
        else:
            yield f"`{path}`", default(field), description(kind)


def default(field: msgspec.structs.FieldInfo) -> str:
    """Return the default as it is written in TOML; "required" and nothing where there is none."""
    if field.default_factory is not msgspec.NODEFAULT:
        return "empty"
    if field.default is msgspec.NODEFAULT:
        return "required"
    return "" if field.default is None else f"`{json.dumps(field.default)}`"


def description(kind: object) -> str:
    assert isinstance(kind, Metadata)
    return (kind.extra_json_schema or {})["description"]


def test_the_reference_is_the_model():
    """Every key is there once, in the model's order, with its default and its meaning."""
    expected = list(rows(Config))
    shown = markdown.table(markdown.ROOT / "README.md", "key", "default", "what it is")
    assert shown == expected, f"the table should be:\n{markdown.written(expected)}"
