"""What a Core ML package is: its interface, its ops, and what our engine makes of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from mlparity.core.errors import MlparityError
from mlparity.core.session import TensorSpec
from mlparity.core.words import Precision
from mlparity.engine.mil.precision import common_precision
from mlparity.engine.mil.printer import print_program
from mlparity.engine.mil.program import Feature, Function, Program
from mlparity.engine.numerics import TYPED
from mlparity.engine.placement.eligibility import eligibility
from mlparity.engine.placement.gates import GENERATIONS
from mlparity.engine.placement.hazards import hazards_of
from mlparity.engine.placement.known import known_of
from mlparity.engine.placement.ruled import follows, grounds_of
from mlparity.engine.placement.rules import NEWEST_MACOS
from mlparity.engine.placement.variants import check_chips
from mlparity.engine.reading import read_stages
from mlparity.engine.runtime.bind import bind
from mlparity.targets.coreml.metadata import PACKAGE
from mlparity.targets.inspection import Inspection, PlacedOp

_ON_CPU: Mapping[str, str] = {
    "nonMaximumSuppression": "suppression of boxes",
    "glmRegressor": "linear regressor",
    "featureVectorizer": "joined features",
}
"""The model types that are never on the Neural Engine (assumed)."""

_KINDS: Mapping[str, str] = {
    "mlProgram": "ML Program",
    "neuralNetwork": "neural network",
    "neuralNetworkClassifier": "neural network (classifier)",
    "neuralNetworkRegressor": "neural network (regressor)",
    **_ON_CPU,
}


def inspect_package(path: Path) -> Inspection:
    """Return what the package at `path` is.

    Raises:
        FormatError: it cannot be read.
    """
    programs, interface = read_stages(path)
    inputs, outputs, states = map(_specs, (interface.inputs, interface.outputs, interface.states))
    walked = (op for program in programs for function in program.functions.values() for op in function.walk())
    return Inspection(
        path=path,
        kind=_kind(programs),
        inputs=inputs,
        outputs=outputs,
        ops=dict(sorted(Counter(op.type for op in walked if op.type != "const").items())),
        text="\n".join(map(print_program, programs)),
        metadata=PACKAGE.read(path),
        facts=_facts(programs),
        problem=next(filter(None, map(_engine_problem, programs)), ""),
        eligible=_eligible(programs),
        states=states,
        sizes={feature.name: text for feature in interface.inputs if (text := _sizes(feature))},
    )


def _specs(features: Iterable[Feature]) -> tuple[TensorSpec, ...]:
    return tuple(TensorSpec(feature.name, feature.shape, _type(feature)) for feature in features)


def _type(feature: Feature) -> str:
    """Return the type of a feature's numbers, and of an image the order of its colours as Core ML names it."""
    return f"{feature.image.color} image".lstrip() if feature.image is not None else feature.dtype or feature.kind


def _sizes(feature: Feature) -> str:
    """Return the shapes that an input takes, and what it is by default; "" where it takes one and has to be given."""
    plain = _by(feature.shape)
    value = "" if feature.default is None else f", value {feature.default:g}"
    default = f"; default {plain}{value}" if plain else ""
    if feature.choices:
        return " or ".join(map(_by, feature.choices)) + default
    if any(low != high for low, high in feature.sizes):
        return _by(_range(*bounds) for bounds in feature.sizes) + default
    return f"{plain}, optional{value}" if feature.optional else ""


def _by(sizes: Iterable[object]) -> str:
    return " x ".join(map(str, sizes))


def _range(low: int, high: int) -> str:
    return str(low) if low == high else f"{low}..{high if high >= 0 else 'any'}"


def _kind(programs: Sequence[Program]) -> str:
    kinds = [_KINDS.get(program.kind, program.kind) for program in programs]
    return kinds[0] if len(kinds) == 1 else f"pipeline of {', '.join(kinds)}"


def _facts(programs: Sequence[Program]) -> dict[str, str]:
    opsets = {
        function.opset for program in programs if program.kind == "mlProgram" for function in program.functions.values()
    }
    return {
        "specification version": str(max(program.spec_version for program in programs)),
        **({"opset": ", ".join(f"iOS{opset}" for opset in sorted(opsets))} if opsets else {}),
        "functions": ", ".join(sorted({name for program in programs for name in program.functions})),
        "precision": _precision(programs),
    }


def placement_of(path: Path, chip: str, macos: int = NEWEST_MACOS) -> tuple[PlacedOp, ...]:
    """Return what the Neural Engine of `chip` makes of each op of an `.mlpackage`, in the program's order.

    `macos` is the first number of the system's version; iOS has the same numbers from 26 on.

    Raises:
        FormatError: it cannot be read.
        InputError: an unknown chip.
    """
    check_chips((chip,))
    return tuple(op for function in _functions(read_stages(path)[0]) for op in _ruled(function, chip, macos))


def _ruled(function: Function, chip: str, macos: int) -> Iterator[PlacedOp]:
    grounds, hazards = grounds_of(function, chip), hazards_of(function, macos)
    for op, placed in zip(grounds.found, grounds.ruled(macos), strict=True):
        first = op.op.outputs[0]
        yield PlacedOp(
            op.op.type,
            op.op.location,
            str(first.type),
            op.eligible or placed.follows,
            placed.reason,
            placed.evidence,
            placed.on_engine,
            placed.rule,
            tuple(f"{rule.mechanism} ({'; '.join(rule.evidence)})" for rule in hazards.get(first.name, ())),
        )


def _functions(programs: Sequence[Program]) -> list[Function]:
    """Return the functions that may be on the Neural Engine."""
    return [each.functions[each.default_function] for each in programs if each.kind not in _ON_CPU]


def _eligible(programs: Sequence[Program]) -> dict[str, str]:
    functions = _functions(programs)
    found = {chip: [op for function in functions for op in _able(function, chip)] for chip in GENERATIONS}
    return {chip: f"{sum(ops)} of {len(ops)}" for chip, ops in found.items()}


def _able(function: Function, chip: str) -> list[bool]:
    """Return, for each op, whether the Neural Engine can take it, or takes it with its neighbours."""
    known = known_of(function)
    return [op.eligible or follows(op.op, known) for op in eligibility(function, chip)]


def _precision(programs: Sequence[Program]) -> str:
    common = common_precision(programs)
    is_untyped = common is Precision.NEURAL_NETWORK
    return "fp32 on the CPU, fp16 on GPU and Neural Engine" if is_untyped else str(common)


def _engine_problem(program: Program) -> str:
    try:
        bind(program, TYPED)
    except MlparityError as error:
        return str(error)
    return ""
