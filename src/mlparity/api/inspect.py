"""What an artifact is: its interface, its ops, and what the engine makes of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from mlparity.core.boundary import typed_errors
from mlparity.core.errors import FormatError, MlparityError
from mlparity.core.session import TensorSpec
from mlparity.core.words import Precision
from mlparity.record.metadata import read_metadata

if TYPE_CHECKING:
    from mlparity.engine.mil.program import Program


PROGRAM = "ML Program"
"""What the engine runs."""


@dataclass(frozen=True, slots=True)
class Inspection:
    """What `inspect_artifact` found; `problem` says why the engine cannot run an ML Program, "" where it can.

    `ops` counts the ops by their names in the artifact; it is empty for a `.tflite`, as is `text`. `eligible` tells of
    an ML Program, by chip, how many of its ops the Neural Engine can take.
    """

    path: Path
    kind: str
    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]
    ops: Mapping[str, int]
    text: str
    metadata: Mapping[str, str]
    facts: Mapping[str, str]
    problem: str = ""
    eligible: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_program(self) -> bool:
        """Whether it is an ML Program, which the engine runs."""
        return self.kind == PROGRAM


@dataclass(frozen=True, slots=True)
class PlacedOp:
    """Whether the Neural Engine of a chip can take an op, and why not; `type` is that of its first result."""

    op: str
    location: str
    type: str
    eligible: bool
    reason: str
    evidence: str


@typed_errors
def inspect_artifact(path: Path) -> Inspection:
    """Read an `.mlpackage`, an `.aimodel` or a `.tflite`.

    Raises:
        FormatError: it cannot be read.
        BackendUnavailableError: the runtime that reads it is not installed.
    """
    if path.suffix == ".aimodel":
        return _inspect_coreai(path)
    if path.suffix == ".tflite":
        return _inspect_litert(path)
    return _inspect_program(path)


def _inspect_program(path: Path) -> Inspection:
    from mlparity.engine.mil.printer import print_program
    from mlparity.engine.mil.reader import read_program

    program = read_program(path)
    interface = program.interfaces[program.default_function]
    opsets = sorted({f"iOS{function.opset}" for function in program.functions.values()})
    specs = [
        tuple(TensorSpec(each.name, each.shape, each.dtype if each.dtype else each.kind) for each in features)
        for features in (interface.inputs, interface.outputs)
    ]
    walked = (op for function in program.functions.values() for op in function.walk())
    return Inspection(
        path=path,
        kind=PROGRAM,
        inputs=specs[0],
        outputs=specs[1],
        ops=dict(sorted(Counter(op.type for op in walked if op.type != "const").items())),
        text=print_program(program),
        metadata=read_metadata(path),
        facts={
            "specification version": str(program.spec_version),
            "opset": ", ".join(opsets),
            "functions": ", ".join(sorted(program.functions)),
            "precision": str(program_precision(program)),
        },
        problem=_engine_problem(program),
        eligible=_eligible(program),
    )


@typed_errors
def inspect_placement(path: Path, chip: str) -> tuple[PlacedOp, ...]:
    """Return what the Neural Engine of `chip` makes of each op of an `.mlpackage`, in the program's order.

    Raises:
        FormatError: it cannot be read.
        InputError: an unknown chip.
    """
    from mlparity.engine.mil.reader import read_program
    from mlparity.engine.placement.eligibility import eligibility
    from mlparity.engine.placement.ways import check_chips

    check_chips((chip,))
    program = read_program(path)
    found = eligibility(program.functions[program.default_function], chip)
    return tuple(
        PlacedOp(
            each.op.type, each.op.location, str(each.op.outputs[0].type), each.eligible, each.reason, each.evidence
        )
        for each in found
    )


def _eligible(program: Program) -> dict[str, str]:
    from mlparity.engine.placement.eligibility import eligibility
    from mlparity.engine.placement.gates import GENERATIONS

    function = program.functions[program.default_function]
    found = {chip: eligibility(function, chip) for chip in GENERATIONS}
    return {chip: f"{sum(each.eligible for each in ops)} of {len(ops)}" for chip, ops in found.items()}


def _engine_problem(program: Program) -> str:
    from mlparity.engine.numerics import TYPED
    from mlparity.engine.runtime.bind import bind

    try:
        bind(program, TYPED)
    except MlparityError as error:
        return str(error)
    return ""


def _inspect_litert(path: Path) -> Inspection:
    from mlparity.backends import litert

    with litert.open(path) as session:
        signature = session.signature
        return Inspection(
            path,
            "LiteRT",
            signature.inputs,
            signature.outputs,
            {},
            "",
            read_metadata(path),
            {"runtime": session.runtime},
        )


def _inspect_coreai(path: Path) -> Inspection:
    from mlparity.backends import coreai

    with coreai.open(path) as session:
        signature, runtime = session.signature, session.runtime
    found = coreai.describe(path)
    return Inspection(
        path=path,
        kind="Core AI program",
        inputs=signature.inputs,
        outputs=signature.outputs,
        ops=dict(sorted(found.ops.items())),
        text=found.text,
        metadata=read_metadata(path),
        facts={
            "runtime": runtime,
            "compute types": ", ".join(found.compute_types),
            "precision": str(_coreai_precision(found.compute_types)),
        },
    )


def _coreai_precision(compute_types: tuple[str, ...]) -> Precision:
    return Precision.FP16 if "Float16" in compute_types else Precision.FP32


def precision_of(path: Path) -> Precision:
    """Return fp16 for an ML Program or a Core AI program that computes anything in fp16, fp32 otherwise.

    Raises:
        FormatError: it cannot be read.
    """
    from mlparity.engine.mil.reader import read_program

    if not path.exists():
        raise FormatError("no such artifact", where=str(path), next_step="check the path")
    if path.suffix == ".aimodel":
        from mlparity.backends import coreai

        return _coreai_precision(coreai.describe(path).compute_types)
    return program_precision(read_program(path)) if path.suffix == ".mlpackage" else Precision.FP32


def program_precision(program: Program) -> Precision:
    """Return fp16 for a program that computes anything in fp16, fp32 otherwise."""
    from mlparity.engine.mil.program import TensorType

    types = (
        output.type
        for function in program.functions.values()
        for op in function.walk()
        if op.type not in ("const", "cast")
        for output in op.outputs
    )
    is_fp16 = any(isinstance(each, TensorType) and each.dtype == "fp16" for each in types)
    return Precision.FP16 if is_fp16 else Precision.FP32


@typed_errors
def op_inventory() -> tuple[tuple[str, str], ...]:
    """Return the ops that the engine runs: each op's name and the opsets that its definitions begin at."""
    from mlparity.engine.ops.registry import definitions

    since: dict[str, list[str]] = {}
    for each in definitions():
        since.setdefault(each.name, []).append(f"iOS{each.since}")
    return tuple((name, ", ".join(opsets)) for name, opsets in since.items())
