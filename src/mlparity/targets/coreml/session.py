"""An `.mlpackage` to a session, through coremltools' own `MLModel`: Core ML on macOS, our engine elsewhere."""

from __future__ import annotations

import importlib
import platform
import sys
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from mlparity.core.errors import ExecutionError, FormatError, InputError, MlparityError
from mlparity.core.mlpackage import find_package
from mlparity.core.quiet import quiet_logs
from mlparity.core.session import Availability, Closing, Outputs, Sample, Signature, TensorSpec
from mlparity.core.source import left_by
from mlparity.core.words import ComputeUnit, Precision, Provenance, Setting
from mlparity.engine.coremltools_binding import Arithmetic, arithmetic, install, let_go
from mlparity.engine.mil.program import Function
from mlparity.engine.numerics import FP32
from mlparity.engine.placement.compute_plan import ComputePlan
from mlparity.engine.placement.variants import (
    Choice,
    Variant,
    every_chip,
    fp32_variants_of,
    ideal_choice,
    is_emulated,
    pinned_variants,
    variants_of,
)
from mlparity.engine.runtime.interpret import Tap
from mlparity.engine.runtime.package import Package, open_stages
from mlparity.targets.coreml.class_tables import table_form
from mlparity.targets.coreml.states import held_by, names_of_states, state_specs

_DTYPES = {65552: "float32", 65568: "float32", 65600: "float64", 131104: "int32", 131080: "int8"}
"""`ArrayDataType` to numpy, fp16 as coremltools passes it. Source: coremltools 9.0, `FeatureTypes.proto`."""


def probe() -> Availability:
    """Return whether coremltools is installed; with it, every platform can predict."""
    if importlib.util.find_spec("coremltools") is None:
        return Availability(False, "coremltools is not installed: pip install mlparity")
    return Availability(True)


@dataclass(frozen=True, slots=True)
class Emulation:
    """A package that our engine runs: its program, held so that it is read once, and whether units differ on it.

    Of a pipeline it is the model on which units differ, of `differing` such models the first.
    """

    package: Package
    is_emulated: bool
    differing: int = 1

    def function(self) -> Function:
        """Return the program's default function."""
        return self.package.function(None)

    def variants(
        self, setting: Setting, chips: Sequence[str], plan: ComputePlan | None = None, *, fast: bool
    ) -> tuple[Variant, ...]:
        """Return the plausible variants of `setting` on `chips` (every known one where empty), none of the CPU in fp32.

        A `plan` of the setting's compute units pins the placement and the chip.

        Raises:
            FormatError: the plan is of another program, or units differ on several models of a pipeline.
        """
        if setting.compute_unit is None:
            return ()
        if not self.is_emulated:
            asked = tuple(chips) if chips else every_chip()
            return fp32_variants_of(self.function(), str(setting.compute_unit), asked, fast=fast)
        if self.differing > 1:
            if (setting.precision, setting.compute_unit) == (Precision.NEURAL_NETWORK, ComputeUnit.CPU_ONLY):
                return ()  # networks are fp32 there, whatever else is in the pipeline
            raise _several(self.package.program.path, self.differing)
        if plan is not None and plan.compute_units == str(setting.compute_unit):
            return pinned_variants(self.function(), plan, fast=fast)
        asked = tuple(chips) if chips else every_chip()
        return variants_of(self.function(), str(setting.compute_unit), asked, fast=fast)


def emulation_of(path: Path) -> Emulation | None:
    """Return how our engine runs the package at `path`, None where Core ML itself predicts.

    Raises:
        FormatError: the package cannot be read.
        UnsupportedOpError: the engine lacks one of its ops.
    """
    if sys.platform == "darwin":
        return None
    stages, _ = open_stages(path)
    differing = [stage for stage in stages if is_emulated(stage.function(None))]
    return Emulation((*differing, *stages)[0], bool(differing), len(differing))


def _several(path: Path, count: int) -> FormatError:
    return FormatError(
        "the compute units differ on several models of the pipeline, whose arithmetics are not combined",
        where=str(path),
        found=f"{count} models that round to fp16 somewhere",
        expected="one",
        next_step="verify its models one by one; `mlparity run` takes it whole, in one chip's most likely arithmetic",
    )


def provenance(variant: Variant | None) -> Provenance:
    """Return `measured` where Core ML itself predicts, else `emulated` for a variant, else `computed`."""
    if sys.platform == "darwin":
        return Provenance.MEASURED
    return Provenance.COMPUTED if variant is None else Provenance.EMULATED


def plain_provenance(path: Path) -> Provenance:
    """Return the provenance of a plain prediction: of an fp16 program one chip's leading variant is emulated."""
    emulation = emulation_of(path)
    if emulation is None:
        return Provenance.MEASURED
    return Provenance.EMULATED if emulation.is_emulated else Provenance.COMPUTED


def runtime() -> str:
    """Return what predicts here, with its version."""
    from mlparity import __version__

    if sys.platform == "darwin":
        return f"Core ML on macOS {platform.mac_ver()[0]}, {platform.machine()}"
    return f"mlparity {__version__} engine"


def open_variant(path: Path, unit: ComputeUnit, input_names: Sequence[str], variant: Variant | None) -> CoreMLSession:
    """Return a session that calculates in `variant`, or in reference arithmetic; Core ML itself calculates its way.

    Models of a pipeline on which units do not differ calculate in reference arithmetic.

    Raises:
        FormatError: the package cannot be read.
        UnsupportedOpError: the engine lacks one of its ops.
    """

    def choose(function: Function, _unit: str) -> Choice:
        return variant.choice if variant is not None and variant.is_of(function) else ideal_choice(function)

    with arithmetic(Arithmetic(choose)):
        return open_package(path, unit, input_names)


def open_watched(path: Path, input_names: Sequence[str], tap: Tap) -> CoreMLSession:
    """Return a session that rounds nothing below fp32, so that `tap` sees values past the limits of fp16 as they are.

    Raises:
        FormatError: the package cannot be read.
        UnsupportedOpError: the engine lacks one of its ops.
    """
    with arithmetic(Arithmetic(lambda _function, _unit: Choice(FP32), tap)):
        return open_package(path, ComputeUnit.CPU_ONLY, input_names)


def open_package(path: Path, unit: ComputeUnit, input_names: Sequence[str] = ()) -> CoreMLSession:
    """Return a session of the package at `path` on `unit`, in the arithmetic of a plain prediction.

    `input_names` are the source's; where the package has other names, they replace its own by position: coremltools
    renames an input called `state`, which its compiler reserves.

    Raises:
        FormatError: the package cannot be read.
        UnsupportedOpError: the engine lacks one of its ops.
    """
    install()
    if not path.exists():
        raise FormatError("no such package", where=str(path), next_step="check the path")
    find_package(path)  # coremltools would wait for a FIFO, and follow a link to anywhere
    with quiet_logs():
        coremltools: Any = importlib.import_module("coremltools")
    with warnings.catch_warnings():
        # The reason of a failed load is raised below, so the warning that repeats it is not shown.
        warnings.filterwarnings("ignore", message="You will not be able to run predict", category=RuntimeWarning)
        model = _load(coremltools, path, unit)
    if model._framework_error is not None:
        raise _own_error(model._framework_error, path)
    return CoreMLSession(model, path, tuple(input_names))


def _load(coremltools: Any, path: Path, unit: ComputeUnit) -> Any:
    try:
        return coremltools.models.MLModel(str(path), compute_units=coremltools.ComputeUnit[str(unit)])
    except MlparityError:
        raise
    except Exception as error:  # coremltools and protobuf raise many types for a file that is no model
        raise FormatError(
            "coremltools cannot load the package",
            where=str(path),
            found=f"{type(error).__name__}: {error}",
            expected="an .mlpackage that coremltools wrote",
            next_step="convert or copy the package again",
        ) from error


def _own_error(error: BaseException, path: Path) -> MlparityError:
    cause = error.__cause__
    if isinstance(cause, MlparityError):
        return cause
    return ExecutionError("Core ML cannot load the model", where=str(path), found=str(error))


@dataclass(slots=True)
class CoreMLSession(Closing):
    """A loaded `MLModel`; arrays in, arrays out."""

    model: Any
    path: Path
    input_names: tuple[str, ...] = ()
    own_names: Mapping[str, str] = field(init=False)
    states: Mapping[str, str] = field(init=False)
    signature: Signature = field(init=False)
    images: frozenset[str] = field(init=False)
    table_form: tuple[int, ...] = field(init=False)
    runtime: str = field(init=False)
    has_run: bool = field(init=False, default=False)

    def __post_init__(self) -> None:
        """Read the signature from the model's description."""
        spec = self.model.get_spec()
        description, self.table_form = spec.description, table_form(spec)
        inputs, outputs = (tuple(map(_spec, each)) for each in (description.input, _numbers_of(description)))
        held = state_specs(description)
        self.states = names_of_states([spec.name for spec in held], self.input_names)
        wanted = tuple(name for name in self.input_names if name not in self.states)
        self.own_names = _own_names(inputs, wanted)
        own = {own: name for name, own in (*self.own_names.items(), *self.states.items())}
        renamed = tuple(replace(spec, name=own.get(spec.name, spec.name)) for spec in (*inputs, *held))
        left = tuple(replace(spec, name=left_by(own[spec.name]), is_state=False) for spec in held)
        self.signature, self.runtime = Signature(renamed, (*outputs, *left)), runtime()
        self.images = frozenset(feature.name for feature in description.input if feature.type.HasField("imageType"))

    def run(self, sample: Sample) -> Outputs:
        """Return the outputs as arrays; a classifier's probabilities come in the order of its labels.

        The model's state holds what the sample says, and what the run leaves there comes behind the outputs.
        """
        features = self.features({name: array for name, array in sample.items() if name not in self.states})
        try:
            state = held_by(self.model, self.states, sample)
            outputs: Mapping[str, object] = self.model.predict(features, state)
            left = {left_by(name): state.read_state(own) for name, own in self.states.items()}
        except RuntimeError as error:
            raise _own_error(error, self.path) from error
        if not self.has_run:  # weights are packed by now
            self.has_run = True
            let_go(self.model)
        arrays = ((name, _array(value, self.table_form)) for name, value in outputs.items())
        return {name: array for name, array in arrays if array is not None} | left

    def features(self, sample: Sample) -> dict[str, object]:
        """Return a sample under the model's own names, pixels as Pillow images.

        Raises:
            InputError: the model takes an image, and the sample has no pixels.
        """
        own = {**self.own_names, **self.states}
        named = {own.get(name, name): array for name, array in sample.items()}
        return {name: _image(name, array) if name in self.images else array for name, array in named.items()}

    def close(self) -> None:
        """Let go of the model."""
        let_go(self.model)
        self.model = None


def _own_names(inputs: tuple[TensorSpec, ...], wanted: tuple[str, ...]) -> dict[str, str]:
    """Return each input's name as the caller knows it, to the package's own name."""
    own = [spec.name for spec in inputs if len(inputs) == len(wanted) or not spec.is_optional]
    if len(wanted) != len(own) or set(wanted) == set(own):
        return {name: name for name in own}
    return dict(zip(wanted, own, strict=True))


def _numbers_of(description: Any) -> list[Any]:
    """Return the outputs that are numbers: no texts, and no label, which a classifier's probabilities tell."""
    label = description.predictedFeatureName if description.predictedProbabilitiesName else ""
    kept = [feature for feature in description.output if feature.type.WhichOneof("Type") != "stringType"]
    return [feature for feature in kept if feature.name != label]


def _spec(feature: Any) -> TensorSpec:
    """Return the spec of a feature; a number, as detectors take thresholds, need not be given.

    Source of that: Ultralytics 8.4, which predicts with its pipelines from an image alone.
    """
    kind = feature.type.WhichOneof("Type")
    if kind != "multiArrayType":
        return TensorSpec(feature.name, None, "", feature.type.isOptional or kind == "doubleType")
    array = feature.type.multiArrayType
    flexible = bool(array.shapeRange.sizeRanges) or bool(array.enumeratedShapes.shapes)
    shape = tuple(array.shape) if array.shape and not flexible else None
    return TensorSpec(feature.name, shape, _DTYPES.get(array.dataType, ""))


def _image(name: str, array: np.ndarray) -> object:
    """Return pixels, (height, width, 3) or (1, 3, height, width) with values 0 to 255, as a Pillow image."""
    from PIL import Image

    pixels = np.asarray(array)
    if pixels.ndim == 4 and pixels.shape[0] == 1:
        pixels = pixels[0].transpose(1, 2, 0)
    whole = np.rint(pixels)
    if pixels.size == 0 or np.abs(pixels - whole).max() > 1e-3 or whole.min() < 0 or whole.max() > 255:
        raise InputError(
            f"the input {name!r} is an image in the artifact, and the sample has no pixels",
            found=f"values from {pixels.min():.4g} to {pixels.max():.4g}" if pixels.size else "no values",
            expected="whole numbers from 0 to 255",
            next_step="give samples as pixels; let the model, or the artifact's scale and bias, normalise them",
        )
    return Image.fromarray(whole.astype(np.uint8).squeeze())


def _array(value: object, form: tuple[int, ...]) -> np.ndarray | None:
    """Return an output as an array, a classifier's table in the form that its probabilities have in the network."""
    if isinstance(value, Mapping):
        return np.asarray(list(value.values()), np.float64).reshape(form)
    if isinstance(value, str):
        return None
    return np.asarray(value)
