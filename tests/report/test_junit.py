"""The suite is green exactly when the verdict is `pass`, and any XML parser reads it."""

from __future__ import annotations

import dataclasses
from collections import Counter
from xml.etree import ElementTree

import pytest

from mlparity.core.words import Verdict
from mlparity.record.policy import Policy
from mlparity.record.record import Record
from mlparity.report.junit import junit_xml
from tests.record.example import example_record
from tests.report.hostile import TEXT, hostile

RECORD = example_record()


def outcomes(record: Record) -> dict[str, str]:
    suite = ElementTree.fromstring(junit_xml(record).encode())
    cases = {case.get("name", ""): (case[0].tag if len(case) else "passed") for case in suite}
    counts = Counter(cases.values())
    assert int(suite.get("tests", "")) == len(suite)
    assert [int(suite.get(name, "")) for name in ("failures", "errors", "skipped")] == [
        counts[name] for name in ("failure", "error", "skipped")
    ]
    return cases


def required(*names: str) -> Policy:
    return dataclasses.replace(RECORD.policy, required=names)


def test_what_the_policy_does_not_ask_for_is_skipped_where_it_fails() -> None:
    found = outcomes(RECORD)
    assert found["policy consistency"] == found["fp32/CPU_ONLY"] == found["litert/fp32"] == "passed"
    assert found["fp16/ALL"] == found["fp32/CPU_AND_NE"] == "skipped"


@pytest.mark.parametrize("names", [("all",), ("fp16/ALL",)])
def test_what_the_policy_asks_for_fails(names: tuple[str, ...]) -> None:
    found = outcomes(dataclasses.replace(RECORD, policy=required(*names), verdict=Verdict.FAIL))
    assert found["fp16/ALL"] == found["policy consistency"] == "failure"
    assert found["fp32/CPU_AND_NE"] == "skipped"


def test_unknown_is_an_error() -> None:
    assert outcomes(dataclasses.replace(RECORD, verdict=Verdict.UNKNOWN))["policy consistency"] == "error"


def test_hostile_texts_stay_texts() -> None:
    suite = ElementTree.fromstring(junit_xml(hostile(RECORD, f"{TEXT}\x00\x1b\ud800\uffff")).encode())
    assert len(suite) == len(RECORD.settings) + 1
    assert {case.tag for case in suite} == {"testcase"}
