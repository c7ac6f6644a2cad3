"""The JSON Schema of a record, generated from its types; the committed copy is `record.schema.json`."""

from __future__ import annotations

import json
from pathlib import Path

from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

from mlparity.record.record import SCHEMA_VERSION
from mlparity.record.text import RECORD_TYPE

SCHEMA_PATH = Path(__file__).with_name("record.schema.json")
"""Where the committed schema lies."""


class _WithNonFinite(GenerateJsonSchema):
    """Numbers may also be the three texts that stand for non-finite ones."""

    def float_schema(self, schema: core_schema.FloatSchema) -> JsonSchemaValue:
        return {"anyOf": [super().float_schema(schema), {"enum": ["Infinity", "-Infinity", "NaN"]}]}


def schema_text() -> str:
    """Return the schema as JSON text, as it is committed."""
    schema = RECORD_TYPE.json_schema(schema_generator=_WithNonFinite)
    head = {"$schema": GenerateJsonSchema.schema_dialect, "title": f"mlparity record, schema {SCHEMA_VERSION}"}
    return json.dumps({**schema, **head}, indent=1, sort_keys=True) + "\n"


if __name__ == "__main__":
    SCHEMA_PATH.write_text(schema_text(), encoding="utf-8")
