"""No sentence of a report contradicts a figure beside it; the checker itself notices where one does."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mlparity.compare.policies import POLICIES
from mlparity.core.words import Confidence, Grade, Precision, Provenance, Verdict
from mlparity.record.causes import Cause, CauseKind, Evidence, Hazard, LocatedOp, Observation
from mlparity.record.decision import Decision, Recommendation, Speed
from mlparity.record.fix import Attempt, Fix
from mlparity.record.policy import Policy
from mlparity.record.record import Record
from mlparity.record.rows import SettingResult
from tests.record.emulated import emulated_record
from tests.record.example import example_record
from tests.report.contradictions import contradictions
from tests.report.names import of_names

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


HAZARD = Hazard(
    *("range", RECORD.settings[0].artifact, "exp", "e", ("NE",), (0.0, 1.0), 2.0, 2.0, "", "", "here"),
    Confidence.ASSUMED,
)
PASSED = Attempt("again", Precision.FP32, Verdict.PASS, 0.25)
SHIPPED = next(row.setting for row in RECORD.settings if row.verdict is Verdict.PASS)


def with_ops() -> tuple[SettingResult, ...]:
    cause = Cause(CauseKind.CONVERTER, (), (LocatedOp("exp", "e", "y"),))
    return tuple(replace(row, causes=(cause,)) for row in RECORD.settings)


def slower() -> Decision:
    """The decision with its fastest setting ranked behind another that is as good."""
    assert RECORD.decision is not None
    candidates = [
        replace(each, grade=Grade.CONSISTENT, speed=Speed(1 + (each.setting == RECORD.decision.fastest), *ESTIMATE))
        for each in RECORD.decision.candidates
    ]
    return replace(RECORD.decision, candidates=tuple(candidates))


ESTIMATE = (Provenance.ESTIMATED, "a roofline")


def test_names_that_nobody_knows_are_noticed() -> None:
    cause = Cause(CauseKind.CONVERTER, (), (LocatedOp("exp", "e", "y", "aten.exp in act (typer.py:12)"),))
    assert list(of_names([cause], "%e = exp(x=%x)", {"typer.py"})) == []
    assert list(of_names([cause], "%f = exp(x=%x)", {"model.py"})) == [
        "e is not printed",
        "aten.exp in act (typer.py:12): a line of another's file",
    ]


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
        (
            with_evidence(
                Evidence(
                    Observation.ARITHMETIC_FIRST_ORDER,
                    {"difference": 1.0, "share": 0.53, "explained": 1.0, "removed": 0.0},
                    {"op": "exp 'e'"},
                ),
                ops=(LocatedOp("exp", "e", "y", share=0.53, removed=0.0),),
            ),
            "carries 53%, and 0% goes away",
        ),
        (
            with_evidence(
                Evidence(Observation.GRAPH_DIFFERS_UNCONFIRMED, {"difference": 1.0}, {"where": "exp 'e',"}),
                ops=(LocatedOp("log", "e", "y"),),
            ),
            "exp 'e', is not among the ops",
        ),
        (replace(with_evidence(), explanation_failure="no engine", settings=with_ops()), "was not explained"),
        (replace(RECORD, hazards=(HAZARD,), settings=RECORD.settings[:1]), "which nobody asked for"),
        (replace(RECORD, decision=slower()), "another 1"),
        (
            replace(RECORD, fix=Fix(None, attempts=(PASSED,))),
            "and again passes",
        ),
        (
            replace(RECORD, fix=Fix(SHIPPED, "", "fix.py", "f", "", 1.0, 0.5, (PASSED,))),
            "0.5 after the cure, 0.25 where it was tried",
        ),
    ],
)
def test_a_contradiction_is_noticed(record: Record, words: str) -> None:
    assert any(words in found for found in contradictions(record))
