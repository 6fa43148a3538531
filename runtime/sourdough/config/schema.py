"""The JSON schema of `sourdough.toml`, made from the model. Pure.

Editors use it for completion and checks; every table is closed. A key with a second spelling
(`hostCount`, `host_count`) is there under both.
"""

from __future__ import annotations

import copy
from typing import Any

import msgspec
from msgspec.inspect import DictType, StructType, VarTupleType, type_info

from sourdough.config.expectation import bare
from sourdough.config.model import Config
from sourdough.config.table import spellings

_DIALECT = "https://json-schema.org/draft/2020-12/schema"


def json_schema() -> dict[str, Any]:
    """Return the schema as JSON data."""
    # Through JSON, so that defaults are lists and not the tuples of the model.
    schema = msgspec.json.decode(msgspec.json.encode(msgspec.json.schema(Config)))
    tables = schema.pop("$defs")
    for model in _models(Config):
        _add_spellings(model, tables[model.__name__])
    top = tables.pop(Config.__name__)
    return {"$schema": _DIALECT, **top, "title": "sourdough.toml", "$defs": tables}


def _models(model: type[msgspec.Struct]) -> dict[type[msgspec.Struct], None]:
    """Return a model and those below it, each once."""
    found: dict[type[msgspec.Struct], None] = {model: None}
    for field in msgspec.structs.fields(model):
        kind = bare(type_info(field.type))
        kind = bare(kind.item_type) if isinstance(kind, VarTupleType) else kind
        kind = bare(kind.value_type) if isinstance(kind, DictType) else kind
        if isinstance(kind, StructType):
            found |= _models(kind.cls)
    return found


def _add_spellings(model: type[msgspec.Struct], table: dict[str, Any]) -> None:
    properties = table["properties"]
    for field in msgspec.structs.fields(model):
        for key in spellings(field):
            if key not in properties:
                properties[key] = copy.deepcopy(properties[field.encode_name])
                properties[key]["description"] += f" The same as {field.encode_name}."
