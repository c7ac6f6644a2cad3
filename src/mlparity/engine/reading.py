"""A model file to programs: an ML Program, a network, a linear model, a suppression of boxes, a pipeline of these."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from mlparity.core.errors import FormatError
from mlparity.core.mlpackage import Package, find_package
from mlparity.engine.mil.interface import read_interface
from mlparity.engine.mil.program import Interface, Program
from mlparity.engine.mil.reader import program_of
from mlparity.engine.mil.spec import parse_spec
from mlparity.engine.neural_network.feature_vector import VECTORIZER, vectorizer_program
from mlparity.engine.neural_network.linear_model import REGRESSOR, regressor_program
from mlparity.engine.neural_network.reader import KINDS, network_program
from mlparity.engine.neural_network.suppression import SUPPRESSION, suppression_program

_PIPELINES: Mapping[str, Callable[[Any], Any]] = {
    "pipeline": lambda message: message.pipeline.models,
    "pipelineClassifier": lambda message: message.pipelineClassifier.pipeline.models,
    "pipelineRegressor": lambda message: message.pipelineRegressor.pipeline.models,
}
"""The model types that run others in turn, and where those are. Source: coremltools 9.0, `Model.proto`."""


_ALONE: Mapping[str, Callable[[Path, Any], Program]] = {
    VECTORIZER: vectorizer_program,
    REGRESSOR: regressor_program,
    SUPPRESSION: suppression_program,
}
"""The model types that are neither ML Programs nor networks, and what makes a program of each."""


def read_program(path: Path) -> Program:
    """Return the program in the model at `path`.

    Raises:
        FormatError: no model, one of a type that the engine does not run, a corrupt spec or weight file, an unknown
            opset, or what Core ML refuses to load.
        UnsupportedOpError: the engine lacks a layer of a network.
    """
    package = find_package(path)
    return _program(path, package, parse_spec(package.spec))


def read_stages(path: Path) -> tuple[tuple[Program, ...], Interface]:
    """Return the programs that the model at `path` runs in turn, one unless it is a pipeline, and its interface.

    Raises:
        FormatError: as `read_program`; a pipeline without stages, or with one of a type that the engine does not run.
        UnsupportedOpError: as `read_program`.
    """
    package = find_package(path)
    message = parse_spec(package.spec)
    inner = _PIPELINES.get(message.WhichOneof("Type"))
    if inner is None:
        program = _program(path, package, message)
        return (program,), program.interfaces[program.default_function]
    stages = tuple(_program(path, package, stage) for stage in inner(message))
    if not stages:
        raise FormatError(
            "the pipeline has no models",
            where=str(path),
            expected="one at least",
            next_step="the file is corrupt, or of a tool that writes other pipelines: convert again",
        )
    return stages, read_interface(message.description)


def _program(path: Path, package: Package, message: Any) -> Program:
    kind = message.WhichOneof("Type")
    if kind == "mlProgram":
        return program_of(path, package, message)
    if kind in KINDS:
        return network_program(path, message)
    if kind in _ALONE:
        return _ALONE[kind](path, message)
    if kind in _PIPELINES:
        raise FormatError(
            "the model is a pipeline, where one model is wanted",
            where=str(path),
            found=", ".join(str(stage.WhichOneof("Type")) for stage in _PIPELINES[kind](message)),
            expected=", ".join(("mlProgram", *KINDS)),
            next_step="take its models one by one; prediction and `mlparity run` take it whole",
        )
    raise FormatError(
        f"the model is of type {kind}, which the engine does not run",
        where=str(path),
        found=str(kind),
        expected=", ".join(("mlProgram", *KINDS, *_ALONE, *_PIPELINES)),
        next_step="convert a PyTorch source with coremltools; models of other kinds run on Core ML alone",
    )
