"""Hazards: what drifts on given samples cannot show, from the ranges that they gave and from the program itself."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from mlparity.core.words import Confidence
from mlparity.diagnose.hazard_rules import RULES, Rule
from mlparity.diagnose.operands import Operands, operands_of
from mlparity.diagnose.ranges import Seen
from mlparity.engine.mil.program import Function, Name, Op, TensorType, ValueType
from mlparity.engine.numerics import Processor
from mlparity.engine.placement.eligibility import eligibility
from mlparity.engine.placement.gates import limits
from mlparity.record.causes import Hazard

KEPT = 5
"""How many hazards of a kind are told, the nearest first."""

_CHIP = "M4"


def find_hazards(function: Function, seen: Seen, artifact: str) -> tuple[Hazard, ...]:
    """Return the hazards of a function with fp16-typed ops, or of a network, the nearest of each kind first.

    `seen` are ranges of an unrounded run, so that they go on past the limits. What concerns the Neural Engine alone is
    told only of ops that it takes.
    """
    placed = {op.op.outputs[0].name for op in eligibility(function, _CHIP) if op.eligible}
    operands = operands_of(function, seen)
    found = [
        hazard
        for rule in RULES
        for operand in operands
        if set(rule.processors) != {"NE"} or operand.op.outputs[0].name in placed
        for hazard in _looked(rule, operand, artifact)
    ]
    found += [*_wide_kernels(function, artifact), *_hard_swishes(function, placed, artifact)]
    return tuple(_nearest(map(_of_network, found) if function.is_untyped else found))


def _of_network(hazard: Hazard) -> Hazard:
    """Return what a hazard is in a network: the CPU computes in fp32, and no op can be kept in it elsewhere."""
    processors = tuple(each for each in hazard.processors if each != Processor.CPU)
    return replace(hazard, processors=processors, remedy=_OF_NETWORK)


_OF_NETWORK = "load the network with CPU_ONLY, or convert to an ML Program, which can keep this op in fp32 (--fp32-op)"


def _nearest(found: Iterable[Hazard]) -> Iterator[Hazard]:
    by_kind: dict[str, list[Hazard]] = {}
    for hazard in found:
        by_kind.setdefault(hazard.kind, []).append(hazard)
    for alike in by_kind.values():
        yield from sorted(alike, key=lambda hazard: hazard.margin)[:KEPT]


def _looked(rule: Rule, operands: Operands, artifact: str) -> Iterator[Hazard]:
    finding = rule.look(operands)
    if finding is None:
        return
    yield Hazard(
        kind=rule.kind,
        artifact=artifact,
        op=operands.op.type,
        location=operands.op.location,
        processors=rule.processors,
        seen=finding.seen,
        limit=finding.limit,
        margin=finding.margin,
        sentence=f"{rule.sentence} {finding.note}".strip(),
        remedy=rule.remedy,
        evidence=rule.evidence,
        confidence=rule.confidence,
    )


def _wide_kernels(function: Function, artifact: str) -> Iterator[Hazard]:
    """Yield each convolution whose kernel keeps the model off the Neural Engine."""
    limit = limits()["kernel_width"]
    most = limit.most[_CHIP]
    types = {output.name: output.type for op in function.body.ops for output in op.outputs}
    for op in function.body.ops:
        width = _kernel_width(op, types) if op.type in ("conv", "conv_transpose") else 0
        if width > most:
            yield Hazard(
                kind="kernel_width",
                artifact=artifact,
                op=op.type,
                location=op.location,
                processors=("NE",),
                seen=(float(width), float(width)),
                limit=float(most),
                margin=most / width,
                sentence="A kernel of 16 or more columns keeps the whole model off the Neural Engine, silently.",
                remedy="turn the kernel, so that it is high and not wide, or split it",
                evidence=limit.evidence,
                confidence=Confidence.MEASURED,
            )


def _kernel_width(op: Op, types: Mapping[str, ValueType]) -> int:
    (weight, *_) = op.inputs.get("weight", (Name(""),))
    found = types.get(weight.name) if isinstance(weight, Name) else weight.type
    shape = found.shape if isinstance(found, TensorType) and found.shape is not None else ()
    width = shape[-1] if len(shape) > 2 else None
    return 0 if width is None else width


def _hard_swishes(function: Function, placed: set[str], artifact: str) -> Iterator[Hazard]:
    """Yield each matrix of a linear op that goes into a hard swish: as an op of its own, or as x + 3 cut to 0..6."""
    readers: dict[str, list[Op]] = {}
    for op in function.body.ops:
        for arguments in op.inputs.values():
            for argument in arguments:
                if isinstance(argument, Name):
                    readers.setdefault(argument.name, []).append(op)
    for op in function.body.ops:
        output = op.outputs[0] if op.outputs else None
        if op.type != "linear" or output is None or output.name not in placed or _rank(output.type) != 2:
            continue
        if _feeds_hard_swish(readers.get(output.name, []), readers):
            yield Hazard(
                kind="hard_swish",
                artifact=artifact,
                op=op.type,
                location=op.location,
                processors=("NE",),
                seen=(2.0, 2.0),
                limit=2.0,
                margin=1.0,
                sentence="A hard swish right after a linear op of rank 2 was wrong by 0.2 on the Neural Engine.",
                remedy="reshape the input of the linear op to four axes, or keep it in fp32 (--fp32-op)",
                evidence="apple/coreai-torch#51",
                confidence=Confidence.MEASURED,
            )


def _rank(kind: object) -> float:
    return len(kind.shape) if isinstance(kind, TensorType) and kind.shape is not None else math.nan


def _feeds_hard_swish(readers: list[Op], all_readers: dict[str, list[Op]]) -> bool:
    types = {op.type for op in readers}
    cut = {after.type for op in readers if op.type == "add" for after in all_readers.get(op.outputs[0].name, [])}
    return "mul" in types and bool("sigmoid_hard" in types or cut & {"clip", "relu6"})
