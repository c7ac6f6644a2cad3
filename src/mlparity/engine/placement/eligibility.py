"""Which ops of a function the Neural Engine can take on a chip, and why not the others."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from mlparity.engine.mil.dtypes import FLOATS
from mlparity.engine.mil.program import Function, Op, TensorType
from mlparity.engine.placement.gates import Limit, gates, generation_of, limits
from mlparity.engine.placement.known import Known, known_of

_TYPED_EXECUTION = "documented, https://apple.github.io/coremltools/docs-guides/source/typed-execution.html"


@dataclass(frozen=True, slots=True)
class Eligibility:
    """Whether the engine can take an op; `reason` and `evidence` say why not, and are "" where it can.

    A `neutral` op holds no floating values, so that where it runs changes no number.
    """

    op: Op
    eligible: bool
    reason: str = ""
    evidence: str = ""
    neutral: bool = False


@dataclass(frozen=True, slots=True)
class _Asked:
    """An op, the types of its tensors (inputs by parameter, then outputs), and the column of the tables."""

    op: Op
    inputs: Mapping[str, tuple[TensorType, ...]]
    outputs: tuple[TensorType, ...]
    generation: str
    known: Known

    def tensors(self) -> tuple[TensorType, ...]:
        return (*(kind for types in self.inputs.values() for kind in types), *self.outputs)


def eligibility(function: Function, chip: str) -> tuple[Eligibility, ...]:
    """Return what the engine of `chip` makes of each op that gives a result, constants left out, in order.

    One convolution wider than the engine's kernels keeps the whole function off it.
    """
    known, generation = known_of(function), generation_of(chip)
    asked = [_asked(op, known, generation) for op in function.body.ops if op.outputs and not is_constant(op)]
    too_wide = next((found for op in asked if (found := _kernel_width(op)) is not None), None)
    return tuple(_answer(op, too_wide) for op in asked)


def is_constant(op: Op) -> bool:
    """Return whether the op only holds or unpacks a weight, which is done before a run."""
    return op.type == "const" or op.type.startswith("constexpr_")


_Refusal = tuple[str, str]


def _answer(asked: _Asked, too_wide: _Refusal | None) -> Eligibility:
    neutral = not any(kind.dtype in FLOATS for kind in asked.tensors())
    refusal = too_wide
    for check in _CHECKS:
        if refusal is None:
            refusal = check(asked)
    if refusal is None:
        return Eligibility(asked.op, True, neutral=neutral)
    return Eligibility(asked.op, False, *refusal, neutral=neutral)


def _typed(asked: _Asked) -> _Refusal | None:
    """Only fp16 reaches the engine; numbers that steer an op, such as an epsilon, may be typed fp32."""
    wide = [kind.dtype for kind in asked.tensors() if kind.dtype in FLOATS and kind.dtype != "fp16" and kind.shape]
    wide += [kind.dtype for kind in asked.outputs if kind.dtype in FLOATS and kind.dtype != "fp16"]
    if wide:
        return f"{wide[0]}-typed: the engine computes fp16 alone", _TYPED_EXECUTION
    if not any(kind.dtype == "fp16" for kind in asked.tensors()):
        kinds = sorted({kind.dtype for kind in asked.outputs})
        return f"no floating values ({', '.join(kinds)})", _TYPED_EXECUTION
    return None


def _gate(asked: _Asked) -> _Refusal | None:
    gate = gates().get(asked.op.type)
    if gate is None:
        return f"nothing is known of {asked.op.type}", "assumed"
    way = gate.ways[asked.generation]
    if gate.alone == "none" and way not in ("none", ""):
        return f"sources disagree on {asked.op.type}", gate.evidence
    if way == "native" or (gate.alone == "runs" and way == max(gate.ways.values(), key=_OPENNESS.index)):
        return None
    if any(other == "native" for other in gate.ways.values()):
        return f"{asked.op.type} runs on the engine of later chips only", gate.evidence
    return f"the engine has no {asked.op.type}", gate.evidence


_OPENNESS = ("none", "", "gated", "bridge", "native")
"""Ways from closed to open: an op that ran alone runs where its way is as open as on any generation."""


def _limit(name: str, asked: _Asked) -> tuple[Limit, int]:
    """Return a limit and its value for the chip."""
    limit = limits()[name]
    return limit, limit.most[asked.generation]


def _rank(asked: _Asked) -> _Refusal | None:
    limit, most = _limit("rank", asked)
    beyond = [len(kind.shape) for kind in asked.tensors() if kind.shape is not None and len(kind.shape) > most]
    return (f"rank {max(beyond)}, the engine takes {most}", limit.evidence) if beyond else None


def _axes(asked: _Asked) -> _Refusal | None:
    limit, most = _limit("axis", asked)
    data = [kind for name, types in asked.inputs.items() if name not in _WEIGHTS for kind in types]
    sizes = [size for kind in (*data, *asked.outputs) for size in _image_axes(kind)]
    beyond = [size for size in sizes if size is not None and size > most]
    return (f"an axis of {max(beyond)}, the engine takes {most}", limit.evidence) if beyond else None


_WEIGHTS = frozenset({"weight", "bias"})


def _image_axes(kind: TensorType) -> tuple[int | None, ...]:
    """Return height and width: what the limit is known for. Vectors are laid out along channels."""
    return kind.shape[2:] if kind.shape is not None else ()


def _kernel_width(asked: _Asked) -> _Refusal | None:
    """A kernel is (out, in, [depth,] [height,] width); a transposed one is taken in as many parts as it has strides.

    Source of the latter: a plan of an M2 has transposed kernels 16 wide with strides of 8 on the engine
    (FluidInference/mobius@b59611e0, subgraph_ledger.json).
    """
    limit, most = _limit("kernel_width", asked)
    kernel = asked.known.shape(asked.op, "weight") if asked.op.type in ("conv", "conv_transpose") else ()
    width = kernel[-1] if kernel else None
    if width is None or math.ceil(width / _parts(asked)) <= most:
        return None
    return (
        f"the kernel of {asked.op.location} is {width} wide, the engine takes {most};"
        " such a model runs on the CPU as a whole",
        limit.evidence,
    )


def _parts(asked: _Asked) -> int:
    strides = asked.known.numbers(asked.op, "strides") if asked.op.type == "conv_transpose" else None
    return 1 if strides is None or strides.size == 0 else max(int(strides.ravel()[-1]), 1)


_CHECKS: tuple[Callable[[_Asked], _Refusal | None], ...] = (_typed, _gate, _rank, _axes)


def _asked(op: Op, known: Known, generation: str) -> _Asked:
    inputs = {
        name: tuple(found for argument in arguments if (found := known.tensor(argument)) is not None)
        for name, arguments in op.inputs.items()
    }
    outputs = tuple(output.type for output in op.outputs if isinstance(output.type, TensorType))
    return _Asked(op, inputs, outputs, generation, known)
