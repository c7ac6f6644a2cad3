"""Converts to Core ML, runs what was made on a few samples, and tries another route where it differs from the source.

The check chooses a route and decides no verdict: what it keeps is verified on all samples.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from mlparity.compare.align import same_shape
from mlparity.core.errors import ConversionError, FormatError, MlparityError, UnsupportedOpError
from mlparity.core.session import Outputs, Sample
from mlparity.core.source import Source
from mlparity.core.words import ComputeUnit, Precision
from mlparity.record.record import Artifact
from mlparity.sessions import torch as torch_backend
from mlparity.sessions.checked import run_checked
from mlparity.targets.coreml import session as coreml_backend
from mlparity.targets.target import Conversion as Made
from mlparity.targets.target import Request

if TYPE_CHECKING:
    from mlparity.targets.coreml.convert import Conversion, CoremlOptions, Frontend

CHECKED_SAMPLES = 3
"""On how many samples a conversion is checked. Assumed: faults of a converter show on any sample."""

_OF_SCALE = {Precision.FP32: 1e-4, Precision.FP16: 5e-2, Precision.NEURAL_NETWORK: 1e-4}
"""The part of an output's scale that a faithful graph stays within: the limits of the built-in policies.

A network is checked on the CPU, in fp32."""

_OF_STATE = 1e-3
"""The part of a state's scale that a faithful graph stays within: fp16's last place is 9.8e-4 of a number."""

_DIFFERS = "converts, and differs from the source"


@dataclass(frozen=True, slots=True)
class Difference:
    """The largest difference of a conversion, in multiples of what is allowed (1 is the bound), and where it is."""

    excess: float = 0.0
    max_abs: float = 0.0
    scale: float = 0.0
    output: str = ""
    failure: str = ""

    @property
    def is_small(self) -> bool:
        """Whether the conversion may be taken for a faithful one."""
        return self.excess <= 1

    def __str__(self) -> str:
        """Say how much a conversion differs."""
        if self.failure:
            return f"{_DIFFERS}: {self.failure.splitlines()[0]}"
        return f"{_DIFFERS} by {self.max_abs:.2g} where the output {self.output} reaches {self.scale:.2g}"


def convert_request(request: Request) -> Made:
    """Convert as a verification asks for it; an earlier conversion's route is taken without another check.

    Raises:
        ConversionError: no route worked, or Core ML would refuse what came of it.
    """
    from mlparity.targets.coreml.convert import CoremlOptions, convert
    from mlparity.targets.coreml.frontends import order

    chosen = CoremlOptions(
        precision=request.precision,
        deployment_target=request.deployment_target or _least_target(request),
        # Core ML takes MIL's names; those that begin so are PyTorch's.
        fp32_ops=tuple(name for name in request.fp32_ops if not name.startswith("aten.")),
        images={} if request.source.imaged is None else request.source.imaged.inputs,
        flexible=request.source.lengths,
        shapes=request.source.shapes if request.enumerates else (),
    )
    if request.frontend:
        routes = sorted(order(request.source.lengths), key=lambda route: route != request.frontend)
        done = convert(request.source, request.samples[0], replace(chosen, frontends=tuple(routes)))
        put(done, request.path)
        seconds = done.seconds
    else:
        done, seconds = convert_checked(request.source, request.samples, chosen, request.path)
    return Made(done.frontend, done.attempts, dict(done.options), seconds)


def _least_target(request: Request) -> str | None:
    """Return the oldest target with several inputs of listed shapes, where these are asked for.

    Source: coremltools 9.0, `converters/_converters_entry.py` (`_validate_enumerated_shape_inputs`).
    """
    is_program = request.precision is not Precision.NEURAL_NETWORK
    return "iOS18" if is_program and request.enumerates and len(request.source.lengths) > 1 else None


def convert_checked(
    source: Source, samples: Sequence[Sample], options: CoremlOptions, path: Path
) -> tuple[Conversion, float]:
    """Convert by the first route, or by another where that one differs and the other does less; write it to `path`.

    `attempts` says how each route differs that was tried before, or that was tried and left. Returns the conversion
    and the seconds that all took.

    Raises:
        ConversionError: no route worked, or Core ML would refuse what came of it.
    """
    from mlparity.targets.coreml.convert import convert, delete

    first = convert(source, samples[0], options)
    put(first, path)
    found = difference_of(source, samples, path, options.precision)
    rest = () if found.is_small else _others(first.frontend, source, options)
    if rest and options.precision is Precision.FP16 and _is_faithful_in_fp32(first, source, samples, options, path):
        return first, first.seconds
    if not rest:
        return _told(first, found), first.seconds
    beside = path.with_name(f"other_{path.name}")
    try:
        second = convert(source, samples[0], replace(options, frontends=rest))
        put(second, beside)
    except ConversionError as error:
        return _told(first, found, f"{', '.join(rest)}: tried instead, and failed: {_line(error)}"), first.seconds
    seconds = first.seconds + second.seconds
    other = difference_of(source, samples, beside, options.precision)
    if other.excess >= found.excess:
        delete(beside)
        return _told(first, found, f"{second.frontend}: {other}: no better"), seconds
    delete(path)
    beside.rename(path)
    left = f"{first.frontend}: {found}: {second.frontend} is taken instead"
    kept = _told(second, other)
    return replace(kept, attempts=(*first.attempts, left, *kept.attempts)), seconds


def _is_faithful_in_fp32(
    made: Conversion, source: Source, samples: Sequence[Sample], options: CoremlOptions, path: Path
) -> bool:
    """Tell whether the same route agrees in fp32: then fp16 is what differs, as where values overflow."""
    from mlparity.targets.coreml.convert import convert, delete

    graph = path.with_name(f"graph_{path.name}")
    exact = replace(options, precision=Precision.FP32, fp32_ops=(), frontends=(made.frontend,))
    try:
        put(convert(source, samples[0], exact), graph)
        return difference_of(source, samples, graph, Precision.FP32).is_small
    except ConversionError:
        return False
    finally:
        delete(graph)


def route_notes(artifacts: Sequence[Artifact]) -> tuple[str, ...]:
    """Return what the conversions say of routes that differ from the source, with the artifacts that it holds for."""
    told: dict[str, list[str]] = {}
    for artifact in artifacts:
        for line in artifact.attempts:
            if _DIFFERS in line:
                told.setdefault(line, []).append(f"{artifact.target}/{artifact.precision}")
    return tuple(f"conversion to {', '.join(kinds)} by {line}" for line, kinds in told.items())


def difference_of(source: Source, samples: Sequence[Sample], package: Path, precision: Precision) -> Difference:
    """Return the largest difference of a package on samples, where it is more than its precision and noise explain."""
    worst = Difference()
    try:
        with (
            coreml_backend.open_package(package, ComputeUnit.CPU_ONLY, source.input_names) as session,
            torch_backend.open(source) as reference,
        ):
            for sample in samples:
                pair = run_checked(reference, sample), run_checked(session, sample)
                found = _largest(*pair, _OF_SCALE[precision], {state.output for state in source.states})
                worst = max(worst, found, key=lambda difference: difference.excess)
    except MlparityError as error:
        return Difference(excess=float("inf"), failure=error.what)
    return worst if worst.is_small else _beyond_noise(worst, source, samples)


def _largest(wanted: Outputs, found: Outputs, of_scale: float, states: Collection[str] = ()) -> Difference:
    """Return the largest difference of all outputs; a state is stored in fp16 at best, whatever the precision is."""
    allowed = {name: max(of_scale, _OF_STATE) if name in states else of_scale for name in wanted}
    return max(
        (_of_output(name, wanted[name], found[name], allowed[name]) for name in wanted),
        key=lambda difference: difference.excess,
        default=Difference(),
    )


def _of_output(name: str, wanted: np.ndarray, found: np.ndarray, of_scale: float) -> Difference:
    wanted, found = np.asarray(wanted, np.float64), np.asarray(found, np.float64)
    if not same_shape(wanted.shape, found.shape):
        return Difference(float("inf"), failure=f"the output {name} has shape {found.shape} for {wanted.shape}")
    found = found.reshape(wanted.shape)
    finite = np.isfinite(wanted)
    scale = float(np.abs(wanted[finite]).max(initial=0.0))
    if not np.array_equal(wanted[~finite], found[~finite], equal_nan=True) or not np.isfinite(found[finite]).all():
        return Difference(float("inf"), failure=f"the output {name} has other NaN or infinities")
    largest = float(np.abs(found[finite] - wanted[finite]).max(initial=0.0))
    allowed = of_scale * scale
    excess = 0.0 if largest <= allowed else (largest / allowed if allowed else float("inf"))
    return Difference(excess, largest, scale, name)


def _beyond_noise(worst: Difference, source: Source, samples: Sequence[Sample]) -> Difference:
    """Return no difference where the source's own rounding is as large: another route could not do better."""
    if worst.failure:
        return worst
    noise = 0.0
    try:
        with torch_backend.open(source) as narrow, torch_backend.open(source, double=True) as wide:
            for sample in samples:
                plain, exact = (run_checked(session, sample)[worst.output] for session in (narrow, wide))
                noise = max(noise, _of_output(worst.output, plain, exact, 0.0).max_abs)
    except MlparityError:
        return worst  # a source that cannot run in fp64 has noise that nobody knows
    return Difference() if worst.max_abs <= 2 * noise else worst


def _others(taken: Frontend, source: Source, options: CoremlOptions) -> tuple[Frontend, ...]:
    """Return the routes that make another graph: those that export make the same one, in other ops."""
    from mlparity.targets.coreml.convert import Frontend, routes_of

    exports = (Frontend.EXPORT, Frontend.DECOMPOSED)
    alike = exports if taken in exports else (taken,)
    return tuple(route for route in routes_of(source, options) if route not in alike)


def _told(kept: Conversion, found: Difference, *beside: str) -> Conversion:
    """Add to the attempts how the conversion that is kept differs, and what came of another."""
    own = () if found.is_small else (f"{kept.frontend}: {found}: taken all the same",)
    return replace(kept, attempts=(*kept.attempts, *own, *beside))


def _line(error: ConversionError) -> str:
    return (error.found or error.what).splitlines()[0]


def put(conversion: Conversion, path: Path) -> None:
    """Write a package, and take it back where Core ML would refuse to load it; not where our engine alone does."""
    from mlparity.engine.reading import read_program
    from mlparity.targets.coreml.convert import delete, save

    save(conversion, path)
    try:
        read_program(path)
    except UnsupportedOpError:
        return
    except FormatError as error:
        delete(path)
        raise ConversionError(
            "the converted model is none that Core ML loads",
            found=str(error),
            next_step="rewrite this op in the model, or leave Core ML out",
        ) from error
