"""sourdough.toml.example documents every key, with its true default."""

from __future__ import annotations

import tomllib
from pathlib import Path

import msgspec
import pytest
from msgspec.inspect import DictType, StructType, VarTupleType, type_info

from sourdough.config.expectation import bare
from sourdough.config.model import Config
from sourdough.config.parse import parse

EXAMPLE = Path(__file__).parents[3] / "sourdough.toml.example"
DOCUMENT = tomllib.loads(EXAMPLE.read_text())


def leaves(model, tables, at=""):
    """Yield each key of the model with its field and the example's values of it."""
    for field in msgspec.structs.fields(model):
        kind = bare(type_info(field.type))
        values = [table[field.encode_name] for table in tables if field.encode_name in table]
        path = f"{at}{field.encode_name}"
        yield path, field, values
        if isinstance(kind, VarTupleType) and isinstance(bare(kind.item_type), StructType):
            items = [item for value in values for item in value]
            yield from leaves(bare(kind.item_type).cls, items, f"{path}[].")
        elif isinstance(kind, DictType) and isinstance(bare(kind.value_type), StructType):
            items = [item for value in values for item in value.values()]
            yield from leaves(bare(kind.value_type).cls, items, f"{path}.*.")
        elif isinstance(kind, StructType):
            yield from leaves(kind.cls, values, f"{path}.")


LEAVES = {path: (field, values) for path, field, values in leaves(Config, [DOCUMENT])}


def test_the_example_has_no_faults():
    """It parses as it stands."""
    assert parse(EXAMPLE.read_text(), file="example").faults == ()


@pytest.mark.parametrize("path", LEAVES)
def test_every_key_of_the_model_is_in_the_example(path):
    """No key is undocumented."""
    assert LEAVES[path][1]


@pytest.mark.parametrize(
    "path",
    [
        "hostCount",
        *(
            p
            for p in LEAVES
            if p.startswith(("storage.", "dev.", "serve.", "limits.", "websockets."))
        ),
    ],
)
def test_what_the_example_calls_a_default_is_the_default(path):
    """The values shown in these tables are those of the model."""
    field, (value,) = LEAVES[path]
    assert msgspec.convert(value, field.type) == field.default
    assert "default" in EXAMPLE.read_text().lower()
