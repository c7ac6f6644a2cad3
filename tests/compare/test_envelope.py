from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from mlparity.compare.comparer import Comparer
from mlparity.compare.envelope import envelope_of
from mlparity.core.words import Confidence, Verdict
from mlparity.record.figures import OutputFigures, Span, VariantFigures

SOURCE = np.linspace(-1, 1, 50)


def _figures(offset: float) -> tuple[OutputFigures, ...]:
    comparer = Comparer()
    comparer.add("sample", {"y": SOURCE}, {"y": SOURCE + offset})
    return comparer.result()


def _run(
    name: str,
    outputs: tuple[OutputFigures, ...],
    verdict: Verdict = Verdict.PASS,
    confidence: Confidence = Confidence.MEASURED,
) -> VariantFigures:
    figures = {output.output: output.figures for output in outputs}
    return VariantFigures(name, (name,), "none", ("M1", name), confidence, verdict, figures)


def test_a_span_goes_from_the_least_to_the_greatest_figure() -> None:
    outputs = [_figures(offset) for offset in (0.5, 0.125, 0.25)]
    runs = [_run(name, each) for name, each in zip("abc", outputs, strict=True)]
    envelope, place = envelope_of(runs, outputs)
    assert envelope.spans["y"]["max_abs"] == Span(outputs[1][0].figures["max_abs"], outputs[0][0].figures["max_abs"])
    assert (envelope.dominating, place) == ("a", 0)
    assert envelope.chips == ("M1", "a", "b", "c")


def test_a_failing_variant_dominates_one_that_differs_more() -> None:
    outputs = [_figures(0.5), _figures(0.125)]
    runs = [_run("far", outputs[0]), _run("fails", outputs[1], Verdict.FAIL)]
    assert envelope_of(runs, outputs)[0].dominating == "fails"


def test_an_envelope_is_as_sure_as_its_least_sure_variant() -> None:
    outputs = [_figures(0.5), _figures(0.125)]
    runs = [_run("a", outputs[0]), _run("b", outputs[1], confidence=Confidence.ASSUMED)]
    assert envelope_of(runs, outputs)[0].confidence is Confidence.ASSUMED


def test_a_nan_dominates_every_finite_difference() -> None:
    comparer = Comparer()
    comparer.add("sample", {"y": SOURCE}, {"y": np.where(SOURCE > 0.9, np.nan, SOURCE)})
    outputs = [_figures(0.5), comparer.result()]
    runs = [_run("far", outputs[0]), _run("nan", outputs[1])]
    assert envelope_of(runs, outputs)[0].dominating == "nan"


def test_a_variant_that_failed_to_run_adds_no_figures() -> None:
    outputs = [_figures(0.5), ()]
    runs = [_run("ran", outputs[0]), _run("failed", (), Verdict.UNKNOWN)]
    envelope, place = envelope_of(runs, outputs)
    assert (envelope.dominating, place) == ("failed", 1)
    assert envelope.spans["y"]["max_abs"].low == envelope.spans["y"]["max_abs"].high


def test_figures_without_a_value_have_no_range_and_nan_is_the_greatest() -> None:
    empty, number, nan = ({"y": {"cosine": value}} for value in (None, 0.5, math.nan))
    runs = [
        VariantFigures(name, (), "none", (), Confidence.MEASURED, Verdict.PASS, figures)
        for name, figures in (("a", empty), ("b", number), ("c", nan))
    ]
    span = envelope_of(runs, [(), (), ()])[0].spans["y"]["cosine"]
    assert span.low == 0.5
    assert span.high is not None
    assert math.isnan(span.high)
    assert envelope_of(runs[:1], [()])[0].spans["y"]["cosine"] == Span(None, None)


@pytest.mark.parametrize(
    ("first", "second", "dominating"),
    [
        # For its scale the second differs more, though by less.
        ({"max_abs": 2.0, "scale": 100.0}, {"max_abs": 1.0, "scale": 1.0}, "second"),
        ({"max_abs": 1.0, "scale": 1.0}, {"max_abs": 1.0, "scale": 1.0}, "first"),
        ({"max_abs": 1.0, "scale": 1.0}, {"max_abs": 1.0, "scale": 0.0}, "second"),
        ({"max_abs": 0.0, "scale": 0.0}, {"max_abs": 1e-9, "scale": 1.0}, "second"),
        ({"max_abs": 1e9, "scale": 1.0}, {"inf_count": 1.0}, "second"),
        ({"max_abs": 1e9, "scale": 1.0}, {"nan_count": 1.0}, "second"),
        ({"max_abs": 1e-9, "scale": 1.0}, {"max_abs": None}, "first"),
    ],
)
def test_of_equal_verdicts_the_larger_difference_for_its_scale_dominates(
    first: dict[str, float], second: dict[str, float], dominating: str
) -> None:
    outputs = [
        tuple(replace(each, figures=figures, scale=figures.get("scale", 1.0)) for each in _figures(0.0))
        for figures in (first, second)
    ]
    runs = [_run(name, each) for name, each in zip(("first", "second"), outputs, strict=True)]
    assert envelope_of(runs, outputs)[0].dominating == dominating


def test_the_output_that_differs_most_speaks_for_a_run() -> None:
    (small,), (large,) = _figures(1e-6), _figures(0.5)
    outputs = [_figures(0.25), (small, replace(large, output="z"))]
    runs = [_run("one", outputs[0]), _run("two", outputs[1])]
    assert envelope_of(runs, outputs)[0].dominating == "two"


def test_an_unknown_variant_dominates_one_that_passes_and_not_one_that_fails() -> None:
    outputs = [_figures(0.5), _figures(0.0), _figures(0.0)]
    verdicts = (Verdict.PASS, Verdict.UNKNOWN, Verdict.FAIL)
    runs = [_run(name, each, verdict) for name, each, verdict in zip("abc", outputs, verdicts, strict=True)]
    assert envelope_of(runs, outputs)[1] == 2
    assert envelope_of(runs[:2], outputs[:2])[1] == 1


def test_a_range_needs_one_value_and_sorts_the_rest() -> None:
    figures = [{"y": {"cosine": value}} for value in (0.75, None, -0.5, 0.25)]
    runs = [
        VariantFigures(str(place), (), "none", (), Confidence.MEASURED, Verdict.PASS, each)
        for place, each in enumerate(figures)
    ]
    assert envelope_of(runs, [()] * 4)[0].spans["y"]["cosine"] == Span(-0.5, 0.75)


def test_a_run_without_outputs_differs_by_nothing() -> None:
    outputs: list[tuple[OutputFigures, ...]] = [(), _figures(0.0)]
    runs = [_run(name, each) for name, each in zip(("none", "same"), outputs, strict=True)]
    assert envelope_of(runs, outputs)[0].dominating == "none", "of equal ones the first"
    assert envelope_of(runs[::-1], outputs[::-1])[0].dominating == "same"
