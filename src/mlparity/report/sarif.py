"""A record as SARIF, which code scanning shows beside the lines of the source: causes of failures, and hazards."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from pathlib import PurePath
from typing import Any

from mlparity.core.words import Verdict
from mlparity.record.causes import Cause, CauseKind, Hazard
from mlparity.record.record import Record
from mlparity.record.rows import SettingResult
from mlparity.report.causes import cause_sentence, other_causes

# Source: https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html
_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
_LEVELS = {Verdict.FAIL: "error", Verdict.UNKNOWN: "warning"}
_LINE = re.compile(r"\(([^():]+):(\d+)\)$")


def sarif(record: Record) -> str:
    """Return the record as SARIF 2.1.0; the rules are `cause/KIND` and `hazard/KIND`."""
    results = [*_causes(record), *_hazards(record)]
    rules = [{"id": name, "name": _name(name)} for name in dict.fromkeys(result["ruleId"] for result in results)]
    driver = {"name": "mlparity", "version": record.mlparity_version, "rules": rules}
    run = {"tool": {"driver": driver}, "results": results, "columnKind": "unicodeCodePoints"}
    return json.dumps({"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}, indent=1) + "\n"


def _name(rule: str) -> str:
    return "".join(part.capitalize() for part in re.split(r"\W|_", rule))


def _causes(record: Record) -> Iterator[dict[str, Any]]:
    """Yield the causes of rows that did not pass, each once."""
    for cause, words in (
        (record.cause, cause_sentence(record)),
        *((cause, text) for _, cause, text in other_causes(record)),
    ):
        rows = [row for row in record.settings if row.verdict in _LEVELS and row.outputs and cause in row.causes]
        if rows and cause.kind is not CauseKind.NONE:
            yield _cause(record, cause, words, rows)


def _cause(record: Record, cause: Cause, words: str, rows: Sequence[SettingResult]) -> dict[str, Any]:
    worst = Verdict.FAIL if any(row.verdict is Verdict.FAIL for row in rows) else Verdict.UNKNOWN
    settings = ", ".join(str(row.setting) for row in rows)
    message = f"{record.source.name}, {settings}: {cause.kind}. {words}"
    lines = (match for op in cause.ops if (match := _LINE.search(op.origin)))
    physical = [_physical(record, match[1], int(match[2])) for match in lines]
    logical = [{"name": op.name, "kind": "element"} for op in cause.ops[:1]]
    return _result(f"cause/{cause.kind}", _LEVELS[worst], message, physical[:1] or [_physical(record, "", 1)], logical)


def _hazards(record: Record) -> Iterator[dict[str, Any]]:
    for hazard in record.hazards:
        level = "warning" if hazard.margin < 1 else "note"
        message = f"{hazard.sentence} {hazard.remedy}".strip()
        yield _result(f"hazard/{hazard.kind}", level, message, [_physical(record, "", 1)], [_op_of(hazard)])


def _op_of(hazard: Hazard) -> dict[str, str]:
    return {"name": hazard.location, "fullyQualifiedName": f"{hazard.artifact}/{hazard.location}", "kind": "element"}


def _result(
    rule: str, level: str, message: str, physical: list[dict[str, Any]], logical: list[dict[str, str]]
) -> dict[str, Any]:
    location = {**physical[0], **({"logicalLocations": logical} if logical else {})}
    return {"ruleId": rule, "level": level, "message": {"text": message}, "locations": [location]}


def _physical(record: Record, file: str, line: int) -> dict[str, Any]:
    """Return a line of a file; the source's own file by the path that it was given by."""
    given = record.source.location.partition(":")[0]
    path = given if not file or PurePath(given).name == file else file
    uri = PurePath(path).as_posix()
    return {"physicalLocation": {"artifactLocation": {"uri": uri}, "region": {"startLine": line}}}
