"""A record to JSON text and back; the same record always gives the same bytes."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import fields, is_dataclass

from pydantic import TypeAdapter, ValidationError

from mlparity.core.errors import FormatError
from mlparity.record.record import SCHEMA_VERSION, Record

RECORD_TYPE: TypeAdapter[Record] = TypeAdapter(Record)
"""What checks a record's fields; the committed schema is made from it."""


def text_of(record: Record) -> str:
    """Return the record as JSON: fields in their order, mappings by key, one final newline.

    JSON has no words for non-finite numbers; they are the texts "Infinity", "-Infinity" and "NaN".
    """
    # Through the reader once, so that an integer in a field for floats is written as the reader will give it back.
    try:
        checked = RECORD_TYPE.validate_python(plain(record))
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"])
        raise FormatError(
            "a record cannot hold what was found", where=field, found=_found(first["input"]), expected=first["msg"]
        ) from error
    return json.dumps(plain(checked), ensure_ascii=False, allow_nan=False, indent=1) + "\n"


def record_from(text: str | bytes, where: str) -> Record:
    """Return the record that a JSON text holds; `where` names its file in messages.

    Raises:
        FormatError: the text is not JSON, is of a newer schema, or a field is missing or of another type.
    """
    try:
        data = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise _wrong("the record is not JSON", where, str(error), "a record.json as mlparity writes it") from error
    version = data.get("schema_version") if isinstance(data, dict) else None
    if isinstance(version, bool) or not isinstance(version, int) or version < 1:
        found = f"schema_version {version!r}" if isinstance(data, dict) else type(data).__name__
        raise _wrong("this is not a record", where, found, "an object with a schema_version of 1 or more")
    if version > SCHEMA_VERSION:
        raise FormatError(
            "the record is newer than this mlparity",
            where=where,
            found=f"schema_version {version}",
            expected=f"at most {SCHEMA_VERSION}",
            next_step="upgrade mlparity: `pip install --upgrade mlparity`",
        )
    try:
        return RECORD_TYPE.validate_python(data)
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"])
        raise _wrong(
            "the record has a wrong field", f"{where}, {field}", _found(first["input"]), first["msg"]
        ) from error


def plain(value: object) -> object:
    """Return frozen data as JSON's own types; non-finite numbers are the texts that `text_of` names."""
    if is_dataclass(value):
        return {field.name: plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, Mapping):
        return {key: plain(value[key]) for key in sorted(value)}
    if isinstance(value, tuple | list):
        return [plain(entry) for entry in value]
    if isinstance(value, float) and not math.isfinite(value):
        return _NOT_FINITE[str(value)]
    return value


_NOT_FINITE = {"nan": "NaN", "inf": "Infinity", "-inf": "-Infinity"}


def _found(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."


def _wrong(what: str, where: str, found: str, expected: str) -> FormatError:
    return FormatError(
        what, where=where, found=found, expected=expected, next_step="check the path, or verify the model again"
    )
