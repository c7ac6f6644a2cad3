"""SARIF of a record: its form by models of the standard, its rules, and where results point."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from sarif_pydantic import Sarif  # type: ignore[import-untyped]

from mlparity.core.words import Verdict
from mlparity.record.causes import Cause, CauseKind, Evidence, LocatedOp, Observation
from mlparity.record.record import Record
from mlparity.report.sarif import sarif
from tests.record.emulated import emulated_record
from tests.record.example import example_record
from tests.report.hostile import hostile

OP = LocatedOp("linear", "layer_1", "var_3", "aten.addmm in layer (mobilenet.py:46)")


def results(record: Record) -> list[dict[str, Any]]:
    (run,) = json.loads(sarif(record))["runs"]
    rules = [rule["id"] for rule in run["tool"]["driver"]["rules"]]
    assert len(rules) == len(set(rules))
    assert {result["ruleId"] for result in run["results"]} == set(rules)
    found: list[dict[str, Any]] = run["results"]
    return found


def with_cause(op: LocatedOp) -> Record:
    record = example_record()
    cause = Cause(CauseKind.CONVERTER, (Evidence(Observation.GRAPH_DIFFERS, {"difference": 0.5}, {}),), (op,))
    rows = tuple(replace(row, causes=(cause,)) if row.verdict is Verdict.FAIL else row for row in record.settings)
    return replace(record, settings=rows, cause=cause)


@pytest.mark.parametrize("record", [example_record(), emulated_record(), hostile(emulated_record())])
def test_it_is_sarif(record: Record) -> None:
    found = Sarif.model_validate_json(sarif(record))
    assert found.version == "2.1.0"
    assert found.runs[0].results is not None
    assert len(found.runs[0].results) == len(results(record))


def test_a_cause_points_at_the_line_of_the_source() -> None:
    (result,) = results(with_cause(OP))
    assert (result["ruleId"], result["level"]) == ("cause/converter", "error")
    assert result["message"]["text"].startswith("mobilenet_v2, fp16/CPU_ONLY, ")
    (location,) = result["locations"]
    assert location["physicalLocation"] == {
        "artifactLocation": {"uri": "examples/mobilenet.py"},
        "region": {"startLine": 46},
    }
    assert location["logicalLocations"] == [{"name": "layer_1", "kind": "element"}]


def test_a_line_of_another_file_keeps_its_name_and_no_line_points_at_the_source() -> None:
    (other,) = results(with_cause(replace(OP, origin="aten.addmm (layers.py:7)")))
    assert other["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == "layers.py"
    (none,) = results(with_cause(replace(OP, origin="")))
    assert none["locations"][0]["physicalLocation"]["region"] == {"startLine": 1}


def test_a_hazard_is_a_note_until_it_is_beyond_its_limit() -> None:
    record = emulated_record()
    levels = {result["ruleId"]: result["level"] for result in results(record)}
    assert levels["hazard/accumulator"] == "note"
    beyond = replace(record, hazards=tuple(replace(hazard, margin=0.5) for hazard in record.hazards))
    assert {result["level"] for result in results(beyond) if result["ruleId"].startswith("hazard")} == {"warning"}


def test_what_passes_has_no_result() -> None:
    record = example_record()
    rows = tuple(replace(row, verdict=Verdict.PASS) for row in record.settings)
    assert results(replace(record, settings=rows)) == []
