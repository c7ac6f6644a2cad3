"""Trained models on real inputs, converted by us, predict what their sources predict."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from mlparity import api
from mlparity.core.words import Provenance, Verdict
from mlparity.record.causes import CauseKind
from mlparity.record.figures import OutputFigures
from mlparity.record.record import Record
from mlparity.record.rows import RowState, SettingResult
from mlparity.targets.coreai import session as coreai
from mlparity.targets.table import settings_from
from mlparity.verification.options import VerifyOptions
from tests.models.files import coreml_crepe
from tests.models.zoo import MODELS, Model

OF_SCALE = 2e-6
"""The difference that fp32 allows, of the output's scale; or twice the source's own noise, if that is larger."""


def _row(record: Record, name: str) -> SettingResult:
    return next(row for row in record.settings if str(row.setting) == name)


def _max_abs(output: OutputFigures) -> float:
    value = output.figures["max_abs"]
    assert value is not None
    return value


# tf_efficientnetv2_s takes longest, and test_report.py asks more of it.
TRAINED = [each for each in MODELS if each.factory != "efficientnetv2_s"]


@pytest.mark.parametrize("model", TRAINED, ids=lambda model: model.factory)
def test_fp32_agrees_with_the_source(model: Model, tmp_path: Path) -> None:
    options = VerifyOptions(settings=settings_from(["fp32/CPU_ONLY", "fp16/CPU_ONLY"]), carry=model.carry)
    record = api.verify(model.source, tmp_path / "out", model.inputs, options=options)
    narrow, wide = _row(record, "fp16/CPU_ONLY"), _row(record, "fp32/CPU_ONLY")
    noise = {each.output: each.max_abs for each in record.noise}
    assert wide.state is RowState.COMPARED, wide.note
    assert wide.outputs
    for output in wide.outputs:
        assert output.elements > 0
        assert _max_abs(output) <= max(OF_SCALE * output.scale, 2 * noise.get(output.output, 0.0)), output.output
    assert wide.verdict is Verdict.PASS
    assert narrow.state is RowState.COMPARED, narrow.note
    assert any(_max_abs(output) > OF_SCALE * output.scale for output in narrow.outputs), "fp16 rounds"


IN_COREAI = ("mobilenet_v2", "minilm", "pitch", "face_proposals", "voice_activity")


@pytest.mark.skipif(not coreai.probe().ok, reason=coreai.probe().why)
@pytest.mark.parametrize("model", [each for each in MODELS if each.factory in IN_COREAI], ids=lambda each: each.factory)
def test_core_ai_agrees_with_the_source_in_fp32(model: Model, tmp_path: Path) -> None:
    """Both differ from exact numbers: Core AI by at most 2e-6 of the scale, the source by its own noise."""
    options = VerifyOptions(settings=settings_from(["coreai/fp32"]), carry=model.carry, limit=30)
    record = api.verify(model.source, tmp_path / "out", model.inputs, options=options)
    (result,), noise = record.settings, {each.output: each.max_abs for each in record.noise}
    assert result.state is RowState.COMPARED, result.note
    assert (result.provenance, result.verdict) == (Provenance.MEASURED, Verdict.PASS)
    assert result.runtime.startswith("Core AI ")
    for output in result.outputs:
        assert _max_abs(output) <= OF_SCALE * output.scale + noise[output.output], output.output


def test_the_demo_s_photos_are_classified_right_and_precision_is_the_cause(tmp_path: Path) -> None:
    model = next(each for each in MODELS if each.factory == "mobilenet_v2")
    record = api.verify(model.source, tmp_path / "out", model.inputs)
    passing = [row for row in record.settings if row.verdict is Verdict.PASS]
    assert {str(row.setting) for row in passing} >= {"fp32/CPU_ONLY", "fp32/ALL", "litert/fp32"}
    assert all(output.flips is not None and output.flips.flipped == 0 for row in passing for output in row.outputs)
    fp32, litert, cpu = (_row(record, name).outputs[0] for name in ("fp32/CPU_ONLY", "litert/fp32", "fp16/CPU_ONLY"))
    assert _max_abs(fp32) <= max(2 * _max_abs(litert), OF_SCALE * fp32.scale)
    gpu = _row(record, "fp16/CPU_AND_GPU").envelope
    assert gpu is not None
    least = gpu.spans["logits"]["max_abs"].low
    assert least is not None
    # Sums in fp16 on the CPU lose more than sums in fp32 on the GPU (apple/coremltools#2625: 3 times on ResNet-18).
    assert 1e-4 <= least / cpu.scale < _max_abs(cpu) / cpu.scale <= 3e-2
    assert record.cause.kind is CauseKind.PRECISION
    assert record.cause.ops, "the ops whose rounded weights do most"
    assert _row(record, "fp32/CPU_AND_NE").state is RowState.NOT_APPLICABLE


def test_the_photos_have_the_classes_that_people_see() -> None:
    from tests.loading import load_source
    from tests.models import samples

    found = []
    for sample in samples.photos():
        source = load_source(next(each for each in MODELS if each.factory == "mobilenet_v2").source, sample)
        from mlparity.sessions import torch as backend

        with backend.open(source) as session:
            found.append(int(np.argmax(next(iter(session.run(sample).values())))))
    assert sorted(found) == [285, 698, 967]


def test_somebody_else_s_package_predicts_what_its_source_predicts(tmp_path: Path) -> None:
    model = next(each for each in MODELS if each.factory == "pitch")
    options = VerifyOptions(settings=settings_from(["fp16/CPU_ONLY"]), artifacts=(coreml_crepe(),))
    record = api.verify(model.source, tmp_path / "out", model.inputs, options=options)
    (output,) = record.rungs[0].outputs  # fp16 alone: the CPU's own sums lose more
    assert 0 < _max_abs(output) <= 2e-3 * output.scale
    assert output.flips is not None
    assert output.flips.flipped == 0
