"""Core AI as a target."""

from __future__ import annotations

from pathlib import Path

from mlparity.core.graph_trace import GraphTrace
from mlparity.core.session import Sample, Session
from mlparity.core.words import DECLARED, ComputeUnit, Precision, Setting
from mlparity.targets.coreai.loaders import swift_snippet
from mlparity.targets.coreai.metadata import AIMODEL
from mlparity.targets.coreai.recipes import coreai_recipes
from mlparity.targets.inspection import Inspection
from mlparity.targets.target import Conversion, Loader, Opening, Request, Target, TraceSupport


def _convert(request: Request) -> Conversion:
    from mlparity.targets.coreai.convert import CoreaiOptions, convert

    # Core AI names ops as PyTorch does; the others are MIL's.
    chosen = CoreaiOptions(
        request.precision, fp32_ops=tuple(name for name in request.fp32_ops if name.startswith("aten."))
    )
    done = convert(request.source, request.samples[0], request.path, chosen)
    return Conversion(done.frontend, (), dict(done.options), done.seconds)


def _open(path: Path, opening: Opening) -> Session:
    from mlparity.targets.coreai import session

    return session.open(
        path,
        unit=opening.unit if isinstance(opening.unit, ComputeUnit) else None,
        input_names=opening.input_names,
        output_names=opening.output_names,
        time_limit=opening.runtime.time_limit,
        show_log=opening.runtime.show_log,
    )


def _inspect(path: Path) -> Inspection:
    from mlparity.targets.coreai import session

    with session.open(path) as opened:
        signature, runtime = opened.signature, opened.runtime
    found = session.describe(path)
    return Inspection(
        path=path,
        kind="Core AI program",
        inputs=signature.inputs,
        outputs=signature.outputs,
        ops=dict(sorted(found.ops.items())),
        text=found.text,
        metadata=AIMODEL.read(path),
        facts={
            "runtime": runtime,
            "compute types": ", ".join(found.compute_types),
            "precision": str(_computed_in(found.compute_types)),
        },
    )


def _precision(path: Path) -> Precision:
    from mlparity.targets.coreai import session

    return _computed_in(session.describe(path).compute_types)


def _computed_in(compute_types: tuple[str, ...]) -> Precision:
    return Precision.FP16 if "Float16" in compute_types else Precision.FP32


def _not_applicable(setting: Setting, is_asked: bool) -> str:
    from mlparity.targets.coreai import convert, session

    if setting.compute_unit is not None and not session.chooses_units():
        return (
            "Core AI takes compute units on macOS 27 and newer alone; here its runtime runs on the CPU, which is"
            f" coreai/{setting.precision}."
        )
    if is_asked:
        return ""
    missing = [part.why for part in (session.probe(), convert.probe(setting.precision)) if not part.ok]
    return f"Core AI is one more runtime to compare with: {missing[0]}" if missing else ""


def _trace(path: Path, opening: Opening, sample: Sample) -> GraphTrace:
    from mlparity.targets.coreai import trace

    return trace.trace(path, opening.input_names, opening.output_names, sample)


_NAME = "coreai"

COREAI = Target(
    name=_NAME,
    title="Core AI",
    suffixes=(".aimodel",),
    settings=tuple(Setting(_NAME, precision) for precision in DECLARED),
    extra_settings=tuple(
        Setting(_NAME, precision, unit)
        for unit in (ComputeUnit.CPU_AND_GPU, ComputeUnit.CPU_AND_NE, ComputeUnit.ALL)
        for precision in DECLARED
    ),
    on_request=True,  # its conversions and its fp16 take most of a verification's time
    leads=True,
    convert=_convert,
    open_artifact=_open,
    inspect=_inspect,
    precision=_precision,
    tracing=TraceSupport(_trace),
    recipes=coreai_recipes,
    not_applicable=_not_applicable,
    metadata=AIMODEL,
    loaders=(Loader("VerifiedModel.swift", "//", swift_snippet),),
)
