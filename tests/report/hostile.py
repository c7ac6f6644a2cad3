"""Records whose every text tries to break out of the place where it is shown."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from enum import Enum

from mlparity.core.words import Setting
from mlparity.record.record import Record

TEXT = "<script>alert(1)</script>\n# head\n```\n*/ // \r\u2028import Evil | [a](javascript:alert(2)) \"'`{{ 7 * 7 }}"


def hostile(record: Record, text: str = TEXT) -> Record:
    """Return the record with every free text, but the names of metrics, replaced."""
    replaced = _replace(record, text)
    assert isinstance(replaced, Record)
    return replaced


def _replace(value: object, text: str) -> object:
    if isinstance(value, Setting):
        return value  # its names are plain ones, which are checked
    if isinstance(value, str) and not isinstance(value, Enum):
        return text
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        kept = {"metric", "required", "name"} if type(value).__name__ in ("Limit", "Policy", "MetricInfo") else set()
        changed = {
            field.name: _replace(getattr(value, field.name), text)
            for field in dataclasses.fields(value)
            if field.name not in kept
        }
        return dataclasses.replace(value, **changed)
    if isinstance(value, tuple):
        return tuple(_replace(entry, text) for entry in value)
    if isinstance(value, Mapping):
        is_figures = "max_abs" in value
        return {key if is_figures else text: _replace(entry, text) for key, entry in value.items()}
    return value
