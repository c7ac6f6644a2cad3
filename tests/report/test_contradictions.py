"""No sentence of a report contradicts a figure beside it; the checker itself notices where one does."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mlparity.compare.policies import POLICIES
from mlparity.core.words import Verdict
from mlparity.record.causes import Cause, CauseKind, Evidence, LocatedOp, Observation
from mlparity.record.decision import Recommendation
from mlparity.record.policy import Policy
from mlparity.record.record import Record
from tests.record.emulated import emulated_record
from tests.record.example import example_record
from tests.report.contradictions import contradictions

RECORD = example_record()


@pytest.mark.parametrize("policy", POLICIES, ids=lambda policy: policy.name)
def test_a_record_contradicts_nothing(policy: Policy) -> None:
    assert list(contradictions(example_record(policy=policy))) == []


def test_an_emulated_record_contradicts_nothing() -> None:
    assert list(contradictions(emulated_record())) == []


def with_evidence(*evidence: Evidence, ops: tuple[LocatedOp, ...] = ()) -> Record:
    return replace(RECORD, cause=Cause(CauseKind.CONVERTER, evidence, ops))


FAILING = next(str(row.setting) for row in RECORD.settings if row.verdict is Verdict.FAIL)
PASSING = next(str(row.setting) for row in RECORD.settings if row.verdict is Verdict.PASS)


@pytest.mark.parametrize(
    ("record", "words"),
    [
        (with_evidence(Evidence(Observation.ALL_AGREE, settings={"all": (FAILING,)})), "is said to agree"),
        (with_evidence(Evidence(Observation.ALL_AGREE, settings={"all": (PASSING,)})), "beside agreement of all"),
        (with_evidence(Evidence(Observation.NO_FP32, settings={"all": ("fp8/CPU",)})), "is no setting"),
        (with_evidence(Evidence(Observation.AGREES)), "a figure is missing"),
        (
            with_evidence(
                Evidence(Observation.ARITHMETIC_CONFIRMED, {"difference": 1.0, "removed": 0.0}, {"op": "exp 'e'"}),
                ops=(LocatedOp("exp", "e", "y", removed=0.53),),
            ),
            "in the sentence, 0.53 in the table",
        ),
        (
            replace(
                RECORD,
                recommendation=Recommendation(next(r.setting for r in RECORD.settings if str(r.setting) == FAILING)),
            ),
            "does not pass",
        ),
        (replace(RECORD, settings=tuple(replace(row, causes=()) for row in RECORD.settings)), "fails without a cause"),
    ],
)
def test_a_contradiction_is_noticed(record: Record, words: str) -> None:
    assert any(words in found for found in contradictions(record))
