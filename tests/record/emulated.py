"""A record with emulated settings: the example's fp16 rows as envelopes of several variants, a hazard, a drift."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace

from mlparity.compare.envelope import envelope_of
from mlparity.core.words import ComputeUnit, Confidence, Precision, Provenance, Verdict
from mlparity.record.causes import Hazard
from mlparity.record.drift import Drift, DriftPoint
from mlparity.record.figures import OutputFigures, VariantFigures
from mlparity.record.record import Record
from mlparity.record.rows import Rung, SettingResult
from tests.record.example import _compare, _logits, example_record

LOGITS = _logits()
CPU, GPU, ENGINE = (_compare(LOGITS, size, seed) for size, seed in ((0.05, 5), (0.0115, 3), (0.012, 6)))

_VARIANTS = {
    "cpu-a": (CPU, ("cpu-a",), "none", Confidence.MEASURED),
    "gpu-b": (GPU, ("gpu-b",), "none", Confidence.DOCUMENTED),
    "ne-c, all eligible; rest cpu-a": (ENGINE, ("ne-c", "cpu-a"), "all eligible", Confidence.ASSUMED),
}

_OF = {
    ComputeUnit.CPU_ONLY: ("cpu-a",),
    ComputeUnit.CPU_AND_GPU: ("gpu-b", "cpu-a"),
    ComputeUnit.CPU_AND_NE: ("ne-c, all eligible; rest cpu-a", "cpu-a"),
    ComputeUnit.ALL: tuple(_VARIANTS),
}

HAZARD = Hazard(
    kind="accumulator",
    artifact="mobilenet_v2-fp16.mlpackage",
    op="linear",
    location="classifier_1",
    processors=("NE",),
    seen=(-12_000.0, 11_000.0),
    limit=32_768.0,
    margin=32_768.0 / 12_000.0,
    sentence="A sum of products that passes 32768 on its way becomes infinite there and stays so.",
    remedy="scale the weights down",
    evidence="n2.ovf1",
    confidence=Confidence.MEASURED,
)


DRIFT = Drift(
    artifact="mobilenet_v2-fp16.mlpackage",
    sample="photo-03.jpg",
    arithmetic="sums in fp32",
    provenance=Provenance.COMPUTED,
    count=900,
    points=(
        DriftPoint(0, "cast", "cast_1", "x", 1.8e-4, 1.8e-4, -2.0, 2.6),
        DriftPoint(2, "conv", "input_5", "y", 2.1e-4, 8.4e-4, 0.0, 6.0, origin="aten.conv2d in stem (net.py:12)"),
        DriftPoint(3, "exp", "exp_1", "z", math.inf, math.inf, 1.0, 160_000.0, lost=2, origin="aten.exp (net.py:14)"),
        DriftPoint(4, "add", "add_1", "u", 0.0, 0.012, 1.0, 6.0, origin="aten.add in head (net.py:15)"),
    ),
)


def emulated_record() -> Record:
    """Return the record."""
    plain = example_record()
    rung = Rung(
        "fp16-typed, ideal arithmetic", "sums in fp32", Precision.FP16, "mobilenet_v2-fp16.mlpackage",
        Provenance.COMPUTED, Verdict.FAIL, GPU,
    )  # fmt: skip
    rows = tuple(_emulated(row) for row in plain.settings)
    return replace(plain, settings=rows, rungs=(rung,), hazards=(HAZARD,), drift=DRIFT)


def _emulated(row: SettingResult) -> SettingResult:
    unit = row.setting.unit
    if row.setting.precision is not Precision.FP16 or unit is None:
        return row
    runs = [_run(name) for name in _OF[unit]]
    envelope, place = envelope_of(runs, [_VARIANTS[name][0] for name in _OF[unit]])
    return replace(row, provenance=Provenance.EMULATED, outputs=_VARIANTS[runs[place].name][0], envelope=envelope)


def _run(name: str) -> VariantFigures:
    outputs, profiles, placement, confidence = _VARIANTS[name]
    return VariantFigures(name, profiles, placement, ("M1", "M4"), confidence, Verdict.FAIL, _figures(outputs))


def _figures(outputs: tuple[OutputFigures, ...]) -> dict[str, Mapping[str, float | None]]:
    return {output.output: output.figures for output in outputs}
