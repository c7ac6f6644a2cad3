"""ONNX as a target."""

from __future__ import annotations

from pathlib import Path

from mlparity.core.graph_trace import GraphTrace
from mlparity.core.session import Outputs, Sample, Session
from mlparity.core.words import Precision, Setting
from mlparity.targets.inspection import Inspection
from mlparity.targets.metadata import SIDECAR
from mlparity.targets.onnx.recipes import onnx_recipes
from mlparity.targets.target import Conversion, Opening, Request, Target, TraceSupport


def _convert(request: Request) -> Conversion:
    from mlparity.targets.onnx.convert import convert

    done = convert(request.source, request.samples[0], request.path)
    return Conversion(done.frontend, (), dict(done.options), done.seconds)


def _open(path: Path, _opening: Opening) -> Session:
    from mlparity.targets.onnx import session

    return session.open(path)


def _inspect(path: Path) -> Inspection:
    from mlparity.targets.onnx import session

    with session.open(path) as opened:
        signature, facts = opened.signature, {"runtime": opened.runtime}
    return Inspection(path, "ONNX", signature.inputs, signature.outputs, {}, "", SIDECAR.read(path), facts)


def _precision(_path: Path) -> Precision:
    return Precision.FP32


def _trace(path: Path, _opening: Opening, sample: Sample) -> GraphTrace:
    from mlparity.targets.onnx import trace

    return trace.trace(path, sample)


def _run_by_reference(path: Path, _opening: Opening, sample: Sample) -> Outputs:
    from mlparity.targets.onnx import trace

    return trace.run_by_reference(path, sample)


_NAME = "onnx"

ONNX = Target(
    name=_NAME,
    title="ONNX",
    suffixes=(".onnx",),
    settings=(Setting(_NAME, Precision.FP32),),
    on_request=True,
    convert=_convert,
    open_artifact=_open,
    inspect=_inspect,
    precision=_precision,
    recipes=onnx_recipes,
    tracing=TraceSupport(_trace, _run_by_reference),
)
