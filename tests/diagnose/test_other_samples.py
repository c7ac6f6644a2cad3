"""Causes of other samples: those that begin elsewhere are explained, and what is new is told with the sample."""

from __future__ import annotations

from collections.abc import Hashable

from mlparity.diagnose.other_samples import Sampled, explain_samples
from mlparity.record.causes import Cause, CauseKind, Evidence, LocatedOp, Observation


def write(line: str) -> Cause:
    return Cause(CauseKind.WRITE, (Evidence(Observation.WRITE_LOST, {"removed": 1.0}, {"where": line}),))


def other_weights(*layers: str) -> Cause:
    told = Evidence(Observation.WEIGHTS_OTHER, {"removed": 1.0}, {"layers": ", ".join(layers)})
    return Cause(CauseKind.WEIGHTS, (told,), (LocatedOp("linear", "op_1", "y", "", None, 1.0, ""),))


def at(name: str) -> Cause:
    op = LocatedOp("relu", name, "y", "", None, 1.0, "")
    return Cause(CauseKind.CONVERTER, (Evidence(Observation.GRAPH_DIVERGES, {"removed": 1.0}),), (op,))


ROUNDING = Cause(CauseKind.PRECISION, (Evidence(Observation.ARITHMETIC),))


def sampled(name: str, whole: float, begins: Hashable | None, *causes: Cause, floor: float = 0.0) -> Sampled:
    return Sampled(name, whole, floor, lambda: begins, lambda: causes)


def test_a_cause_of_another_sample_is_told_with_it() -> None:
    found = explain_samples(sampled("a", 0.9, "x", write("m.py:3")), [sampled("b", 0.2, "y", at("op_7"))])
    assert [cause.kind for cause in found] == [CauseKind.WRITE, CauseKind.CONVERTER]
    assert found[0] == write("m.py:3")
    assert found[1].evidence[-1] == Evidence(Observation.ON_SAMPLE, names={"sample": "b"})


def never() -> tuple[Cause, ...]:
    raise AssertionError


def test_of_samples_that_begin_at_one_place_one_more_is_explained() -> None:
    worst = sampled("a", 0.9, "x", write("m.py:3"))
    both = sampled("b", 0.5, "x", write("m.py:3"), write("m.py:8"))
    found = explain_samples(worst, [both, Sampled("c", 0.4, 0.0, lambda: "x", never)])
    assert [cause.evidence[0].names["where"] for cause in found] == ["m.py:3", "m.py:8"]


def test_what_cannot_be_told_and_what_is_rounding_is_not_explained() -> None:
    worst = sampled("a", 0.9, "x", write("m.py:3"))
    others = [Sampled("c", 0.5, 0.0, lambda: None, never)]
    rounding = [Sampled("d", 5e-5, 0.0, lambda: "y", never), Sampled("e", 0.5, 0.2, lambda: "y", never)]
    assert explain_samples(worst, [*others, *rounding]) == (write("m.py:3"),)


def test_the_same_cause_is_told_once() -> None:
    worst = sampled("a", 0.9, "x", other_weights("head", "body"))
    others = [
        sampled("b", 0.5, "y", other_weights("head")),
        sampled("c", 0.4, "z", at("op_1")),  # where other weights are read
        sampled("d", 0.3, "w", ROUNDING),
    ]
    assert explain_samples(worst, others) == (other_weights("head", "body"),)
    lines = explain_samples(sampled("a", 0.9, "x", write("m.py:3")), [sampled("b", 0.5, "y", write("m.py:8"))])
    assert [cause.evidence[0].names["where"] for cause in lines] == ["m.py:3", "m.py:8"]


def test_few_are_explained_the_largest_first() -> None:
    others = [sampled(str(each), each / 10, each, write(f"m.py:{each}")) for each in range(1, 8)]
    found = explain_samples(sampled("a", 0.9, "x", write("m.py:99")), others)
    assert [cause.evidence[0].names["where"] for cause in found] == ["m.py:99", "m.py:7", "m.py:6", "m.py:5"]
