"""The floating type that a program declares."""

from __future__ import annotations

from collections.abc import Iterable

from mlparity.core.words import Precision
from mlparity.engine.mil.program import Program, TensorType


def program_precision(program: Program) -> Precision:
    """Return fp16 for a program that computes anything in fp16, fp32 otherwise; a network declares no types.

    Casts and states compute nothing: a program in fp32 may keep its state in fp16.
    """
    if any(function.is_untyped for function in program.functions.values()):
        return Precision.NEURAL_NETWORK
    types = (
        output.type
        for function in program.functions.values()
        for op in function.walk()
        if op.type not in ("const", "cast", "read_state")
        for output in op.outputs
    )
    is_fp16 = any(isinstance(kind, TensorType) and kind.dtype == "fp16" for kind in types)
    return Precision.FP16 if is_fp16 else Precision.FP32


_NARROWEST_FIRST = (Precision.NEURAL_NETWORK, Precision.FP16, Precision.FP32)


def common_precision(programs: Iterable[Program]) -> Precision:
    """Return the precision of models that run in turn: what one of them rounds, all of them have rounded."""
    found = {program_precision(program) for program in programs}
    return next(precision for precision in _NARROWEST_FIRST if precision in found)
