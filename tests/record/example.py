"""A record like that of MobileNetV2 on 24 photos, made by comparing arrays whose differences have the known sizes."""

from __future__ import annotations

import base64
import struct
import zlib
from collections.abc import Sequence
from dataclasses import replace
from functools import partial

import numpy as np

from mlparity.compare.comparer import Comparer
from mlparity.compare.decide import decide
from mlparity.compare.metrics import METRIC_INFOS
from mlparity.compare.noise import noise_of
from mlparity.compare.policies import CONSISTENCY
from mlparity.compare.recommend import recommend
from mlparity.compare.verdict import judge, judge_all
from mlparity.core.words import ComputeUnit, Precision, Provenance, Setting, Verdict
from mlparity.diagnose.ladder import find_causes
from mlparity.record.decision import Speed
from mlparity.record.figures import OutputFigures
from mlparity.record.policy import Policy
from mlparity.record.record import SCHEMA_VERSION, Artifact, Noise, Record, SamplesInfo, SourceInfo
from mlparity.record.rows import RowState, SettingResult
from mlparity.targets.coreml.target import COREML

PHOTOS = tuple(f"photo-{number:02d}.jpg" for number in range(24))
_SEED = 20
# Sizes of differences on logits of scale 20, as MobileNetV2 shows them: fp16 mean 0.009, LiteRT mean 3.7e-6.
_FP16, _FP32, _LITERT, _NOISE = 0.0115, 4.4e-6, 4.6e-6, 3.1e-6
_SPEEDS = {
    setting: Speed(1 if setting.precision is Precision.FP16 else 2, Provenance.ESTIMATED, "a roofline of the graph")
    for setting in COREML.settings
}
_NO_NEURAL_ENGINE = (
    "Core ML never runs fp32-typed operations on the Neural Engine, so this setting would run as fp32/CPU_ONLY does."
)


def example_record(name: str = "mobilenet_v2", policy: Policy = CONSISTENCY) -> Record:
    """Return the record; `name` is the model's, so that a test can make it hostile."""
    logits = _logits()
    noise = noise_of(_compare(logits, _NOISE, 1), 100_030)
    figures = {
        Precision.FP32: _compare(logits, _FP32, 2),
        Precision.FP16: _compare(logits, _FP16, 3),
    }
    rows = [_coreml_row(setting, figures[setting.precision], noise, policy) for setting in COREML.settings]
    rows.append(_litert_row(_compare(logits, _LITERT, 4), noise, policy))
    samples = SamplesInfo("24 images in photos/, resized to 256, centre 224", len(PHOTOS), "a9" * 32, PHOTOS)
    found = find_causes(rows, noise)
    return Record(
        schema_version=SCHEMA_VERSION,
        mlparity_version="0.1.0",
        created="2025-11-23T09:41:07Z",
        environment={
            "platform": "Linux-6.1-x86_64",
            "python": "3.11.9",
            "torch": "2.13.0",
            "coremltools": "9.0",
            "processors": "2",
        },
        source=SourceInfo(name, "factory", "examples/mobilenet.py:build", 3_504_872, "3f" * 32),
        samples=samples,
        policy=policy,
        verdict=judge_all(policy, rows).verdict,
        artifacts=_artifacts(),
        settings=tuple(replace(row, causes=causes) for row, causes in zip(rows, found.by_row, strict=True)),
        noise=noise,
        cause=found.summary,
        recommendation=recommend(rows, speeds=_SPEEDS),
        decision=decide(rows, noise, _SPEEDS),
        metrics=METRIC_INFOS,
    )


def png_data_uri(seed: int, side: int = 48) -> str:
    """Return a small PNG, a soft gradient in a colour of its own."""
    hue = np.random.default_rng(seed).integers(60, 220, 3)
    ramp = np.linspace(0.5, 1.1, side)[:, None, None] * np.linspace(0.8, 1.0, side)[None, :, None]
    pixels = np.clip(ramp * hue, 0, 255).astype(np.uint8)
    rows = b"".join(b"\0" + row.tobytes() for row in pixels)
    header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(rows)), (b"IEND", b""))
    data = b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body)) for kind, body in chunks
    )
    return "data:image/png;base64," + base64.b64encode(data).decode()


def _logits() -> np.ndarray:
    logits = np.random.default_rng(_SEED).normal(0, 2.5, (len(PHOTOS), 1000)).astype(np.float32)
    logits[np.arange(len(PHOTOS)), np.arange(len(PHOTOS)) * 40] = np.linspace(14, 20.1, len(PHOTOS))
    return logits


def _compare(logits: np.ndarray, size: float, seed: int) -> tuple[OutputFigures, ...]:
    comparer = Comparer()
    rng = np.random.default_rng(seed)
    for place, row in enumerate(logits):
        other = row.astype(np.float64) + rng.normal(0, size, row.shape)
        comparer.add(PHOTOS[place], {"logits": row[None]}, {"logits": other[None]}, partial(png_data_uri, place))
    return comparer.result()


def _coreml_row(
    setting: Setting, figures: tuple[OutputFigures, ...], noise: Sequence[Noise], policy: Policy
) -> SettingResult:
    if setting.precision is Precision.FP32 and setting.compute_unit is ComputeUnit.CPU_AND_NE:
        return SettingResult(setting, RowState.NOT_APPLICABLE, Verdict.UNKNOWN, note=_NO_NEURAL_ENGINE)
    judgement = judge(policy, figures, noise)
    return SettingResult(
        setting=setting,
        state=RowState.COMPARED,
        verdict=judgement.verdict,
        provenance=Provenance.COMPUTED,
        runtime="mlparity 0.1.0 engine through coremltools 9.0",
        artifact=f"mobilenet_v2-{setting.precision}.mlpackage",
        reasons=judgement.reasons,
        outputs=figures,
        seconds_per_sample=0.031 if setting.precision is Precision.FP32 else 0.034,
    )


def _litert_row(figures: tuple[OutputFigures, ...], noise: Sequence[Noise], policy: Policy) -> SettingResult:
    judgement = judge(policy, figures, noise)
    return SettingResult(
        setting=Setting("litert", Precision.FP32),
        is_witness=True,
        state=RowState.COMPARED,
        verdict=judgement.verdict,
        provenance=Provenance.MEASURED,
        runtime="LiteRT 2.1.0 (XNNPACK)",
        artifact="mobilenet_v2-fp32.tflite",
        reasons=judgement.reasons,
        outputs=figures,
        seconds_per_sample=0.0124,
    )


def _artifacts() -> tuple[Artifact, ...]:
    options = {"minimum_deployment_target": "iOS16", "inputs": "image: float32 (1, 3, 224, 224)"}
    return (
        Artifact(
            "mobilenet_v2-fp32.mlpackage",
            "coreml",
            Precision.FP32,
            14_062_113,
            "1c" * 32,
            "trace",
            (),
            options,
            5.3,
        ),
        Artifact(
            "mobilenet_v2-fp16.mlpackage",
            "coreml",
            Precision.FP16,
            7_078_254,
            "5e" * 32,
            "trace",
            (),
            options,
            6.5,
        ),
        Artifact(
            "mobilenet_v2-fp32.tflite",
            "litert",
            Precision.FP32,
            14_003_840,
            "77" * 32,
            "export",
            ("trace: the first route gave up at op `example`",),
            {},
            21.7,
        ),
    )
