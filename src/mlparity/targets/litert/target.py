"""LiteRT as a target."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from mlparity.core.graph_trace import GraphTrace
from mlparity.core.session import Outputs, Sample, Session
from mlparity.core.words import Kernels, Precision, Setting
from mlparity.targets.compressor import Compression, CompressionRequest, Compressor
from mlparity.targets.inspection import Inspection
from mlparity.targets.litert.recipes import litert_recipes
from mlparity.targets.metadata import SIDECAR
from mlparity.targets.target import Conversion, Opening, Request, Target, TraceSupport


def _convert(request: Request) -> Conversion:
    from mlparity.targets.litert.convert import convert

    done = convert(request.source, request.samples[0], request.path)
    return Conversion(done.frontend, (), dict(done.options), done.seconds)


def _open(path: Path, opening: Opening) -> Session:
    from mlparity.targets.litert import session

    is_reference = opening.unit is Kernels.REFERENCE
    inputs, outputs = opening.input_names, opening.output_names
    return session.open(path, input_names=inputs, output_names=outputs, reference=is_reference)


def _inspect(path: Path) -> Inspection:
    from mlparity.targets.litert import session

    with session.open(path) as opened:
        signature, facts = opened.signature, {"runtime": opened.runtime}
    return Inspection(path, "LiteRT", signature.inputs, signature.outputs, {}, "", SIDECAR.read(path), facts)


def _precision(_path: Path) -> Precision:
    return Precision.FP32


def _trace(path: Path, opening: Opening, sample: Sample) -> GraphTrace:
    from mlparity.targets.litert import trace

    return trace.trace(path, opening.input_names, opening.output_names, sample)


def _run_by_reference(path: Path, opening: Opening, sample: Sample) -> Outputs:
    from mlparity.targets.litert import trace

    return trace.run_by_reference(path, opening.input_names, opening.output_names, sample)


_NAME = "litert"
_NAMES = ("int8", "fp16_weights", "dynamic_range", "full_int8")
"""int8 weights alone; fp16 weights; int8 weights, inner values quantised as a run finds them; all of it in int8."""


def _any_target(_compression: Compression, asked: str | None) -> str | None:
    return asked


def _compress(request: CompressionRequest) -> Mapping[str, str]:
    from mlparity.targets.litert.quantization import compress

    return compress(request)


LITERT = Target(
    name=_NAME,
    title="LiteRT",
    suffixes=(".tflite",),
    settings=(Setting(_NAME, Precision.FP32),),
    extra_settings=(Setting(_NAME, Precision.FP32, Kernels.REFERENCE),),
    convert=_convert,
    open_artifact=_open,
    inspect=_inspect,
    precision=_precision,
    compressor=Compressor(_NAMES, re.compile("|".join(_NAMES)), (Precision.FP32,), _any_target, _compress),
    recipes=litert_recipes,
    tracing=TraceSupport(_trace, _run_by_reference),
)
