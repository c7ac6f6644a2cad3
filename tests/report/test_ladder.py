"""The ladder: what each run adds, on one logarithmic axis, and where the cause shows."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from mlparity.record.causes import Cause, CauseKind
from mlparity.record.figures import VariantFigures
from mlparity.record.record import Record
from mlparity.report.ladder import Ladder, ladder_of
from tests.record.emulated import CPU, GPU, emulated_record
from tests.record.example import example_record


def ladder(record: Record) -> Ladder:
    return ladder_of(record, "logits", CPU[0].scale)


def test_lines_go_from_the_noise_up_to_the_units() -> None:
    record = emulated_record()
    lines = ladder(record).lines
    assert [line.provenance for line in lines] == ["measured", "computed", "computed", *["emulated"] * 3, "measured"]
    noise, fp32, ideal, *ways, witness = lines
    assert noise.value == record.noise[0].max_abs
    assert (fp32.below, ideal.below, witness.below) == (noise.value, fp32.value, noise.value)
    assert ideal.value == GPU[0].figures["max_abs"]
    assert {way.below for way in ways} == {ideal.value}
    assert [way.value for way in ways] == [run.figures["logits"]["max_abs"] for run in _runs(record)]


def _runs(record: Record) -> list[VariantFigures]:
    runs = {run.name: run for row in record.settings if row.envelope is not None for run in row.envelope.runs}
    return [runs[name] for name in ("cpu-a", "gpu-b", "ne-c, all eligible; rest cpu-a")]


def test_places_are_logarithmic_and_within_the_axis() -> None:
    found = ladder(emulated_record())
    ends = [float(text) for _, text in found.ticks]
    assert found.ticks[0][0] == 0.0
    decades = math.log10(ends[-1] / ends[0])
    for line in found.lines:
        assert line.value is not None
        place = line.left if line.value < (line.below or 0.0) else line.right
        assert place == pytest.approx(found.ticks[-1][0] * math.log10(line.value / ends[0]) / decades, abs=0.02)
        assert 0 <= line.left <= line.right <= 100
    assert found.floor == found.lines[0].right
    assert found.limit is not None


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        (CauseKind.PRECISION, "fp16-typed, ideal arithmetic"),
        (CauseKind.COMPUTE_UNIT, "cpu-a"),
        (CauseKind.CONVERTER, "fp32/CPU_ONLY, fp32/CPU_AND_GPU, fp32/ALL"),
        (CauseKind.NONE, None),
    ],
)
def test_the_run_at_which_the_cause_shows_is_marked(kind: CauseKind, name: str | None) -> None:
    found = ladder(replace(emulated_record(), cause=Cause(kind, ())))
    assert [line.name for line in found.lines if line.decides] == ([] if name is None else [name])


def test_an_exact_run_is_at_the_left_and_a_nan_at_the_right() -> None:
    record = example_record()
    row = record.settings[0]
    (output,) = row.outputs
    for figures, place, text in (
        ({"max_abs": 0.0}, 0.0, "0.0"),
        ({"max_abs": 0.1, "nan_count": 3.0}, 100.0, "3 NaN or infinite"),
        ({"max_abs": None}, 0.0, "–"),
    ):
        changed = replace(row, outputs=(replace(output, figures=figures),))
        line = ladder(replace(record, settings=(changed,), noise=())).lines[0]
        assert (line.right, line.text) == (place, text)
