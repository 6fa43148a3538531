"""The JSON schema says what the parser says."""

from __future__ import annotations

import json

from sourdough.config.schema import json_schema


def tables(schema):
    """Return every table of the schema by its name."""
    return {"top": schema, **schema["$defs"]}


def test_every_table_is_closed():
    """An editor marks an unknown key."""
    assert all(each["additionalProperties"] is False for each in tables(json_schema()).values())


def test_both_spellings_of_host_count_are_there():
    """hostCount and host_count are the same key."""
    properties = json_schema()["properties"]
    assert properties["hostCount"]["maximum"] == properties["host_count"]["maximum"] == 1024


def test_every_key_has_a_description():
    """Keys that hold a table are described by that table."""
    for name, table in tables(json_schema()).items():
        for key, value in table["properties"].items():
            assert "description" in value or "$ref" in value, f"{name}.{key}"
        assert "description" in table


def test_a_route_has_one_kind_of_id():
    """Exactly one of id and id_hex is required."""
    assert json_schema()["properties"]["routes"]["items"]["oneOf"] == [
        {"required": ["id"]},
        {"required": ["id_hex"]},
    ]


def test_the_schema_is_plain_json_without_private_names():
    """It can be written to a file, and every reference leads somewhere."""
    schema = json_schema()
    text = json.dumps(schema)
    assert schema["$schema"].startswith("https://json-schema.org/")
    for name in text.split('"#/$defs/')[1:]:
        assert name.partition('"')[0] in schema["$defs"]
