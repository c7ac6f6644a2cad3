"""What a Core ML package is: its interface, its ops, and what our engine makes of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path

from mlparity.core.errors import MlparityError
from mlparity.core.session import TensorSpec
from mlparity.core.words import Precision
from mlparity.engine.mil.precision import program_precision
from mlparity.engine.mil.printer import print_program
from mlparity.engine.mil.program import Program
from mlparity.engine.numerics import TYPED
from mlparity.engine.placement.eligibility import eligibility
from mlparity.engine.placement.gates import GENERATIONS
from mlparity.engine.placement.variants import check_chips
from mlparity.engine.reading import read_program
from mlparity.engine.runtime.bind import bind
from mlparity.targets.coreml.metadata import PACKAGE
from mlparity.targets.inspection import Inspection, PlacedOp

_KINDS: Mapping[str, str] = {"mlProgram": "ML Program", "neuralNetwork": "neural network"} | {
    "neuralNetworkClassifier": "neural network (classifier)",
    "neuralNetworkRegressor": "neural network (regressor)",
}


def inspect_package(path: Path) -> Inspection:
    """Return what the package at `path` is.

    Raises:
        FormatError: it cannot be read.
    """
    program = read_program(path)
    interface = program.interfaces[program.default_function]
    opsets = sorted({f"iOS{function.opset}" for function in program.functions.values()})
    specs = [
        tuple(TensorSpec(feature.name, feature.shape, feature.dtype or feature.kind) for feature in features)
        for features in (interface.inputs, interface.outputs)
    ]
    walked = (op for function in program.functions.values() for op in function.walk())
    return Inspection(
        path=path,
        kind=_KINDS.get(program.kind, program.kind),
        inputs=specs[0],
        outputs=specs[1],
        ops=dict(sorted(Counter(op.type for op in walked if op.type != "const").items())),
        text=print_program(program),
        metadata=PACKAGE.read(path),
        facts={
            "specification version": str(program.spec_version),
            **({} if _is_untyped(program) else {"opset": ", ".join(opsets)}),
            "functions": ", ".join(sorted(program.functions)),
            "precision": _precision(program),
        },
        problem=_engine_problem(program),
        eligible=_eligible(program),
    )


def placement_of(path: Path, chip: str) -> tuple[PlacedOp, ...]:
    """Return what the Neural Engine of `chip` makes of each op of an `.mlpackage`, in the program's order.

    Raises:
        FormatError: it cannot be read.
        InputError: an unknown chip.
    """
    check_chips((chip,))
    program = read_program(path)
    found = eligibility(program.functions[program.default_function], chip)
    return tuple(
        PlacedOp(op.op.type, op.op.location, str(op.op.outputs[0].type), op.eligible, op.reason, op.evidence)
        for op in found
    )


def _eligible(program: Program) -> dict[str, str]:
    function = program.functions[program.default_function]
    found = {chip: eligibility(function, chip) for chip in GENERATIONS}
    return {chip: f"{sum(op.eligible for op in ops)} of {len(ops)}" for chip, ops in found.items()}


def _is_untyped(program: Program) -> bool:
    return program_precision(program) is Precision.NEURAL_NETWORK


def _precision(program: Program) -> str:
    typed = str(program_precision(program))
    return "fp32 on the CPU, fp16 on GPU and Neural Engine" if _is_untyped(program) else typed


def _engine_problem(program: Program) -> str:
    try:
        bind(program, TYPED)
    except MlparityError as error:
        return str(error)
    return ""
