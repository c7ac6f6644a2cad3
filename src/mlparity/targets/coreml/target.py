"""Core ML as a target."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from mlparity.core.mlpackage import SUFFIX
from mlparity.core.session import Session
from mlparity.core.words import DECLARED, DEFAULT_TARGET, ComputeUnit, Precision, Provenance, Setting
from mlparity.targets.compressor import Compression, CompressionRequest, Compressor
from mlparity.targets.coreml.compression_methods import KNOWN, USUAL
from mlparity.targets.coreml.endings import CONTAINERS
from mlparity.targets.coreml.loaders import python_loader, swift_snippet
from mlparity.targets.coreml.metadata import NETWORK_SUFFIX, PACKAGE
from mlparity.targets.inspection import Inspection
from mlparity.targets.recipe import Recipe, RecipeRequest
from mlparity.targets.target import Conversion, EngineSession, EngineSupport, Loader, Opening, Request, TakenOut, Target

if TYPE_CHECKING:
    from mlparity.engine.placement.variants import Variant
    from mlparity.engine.runtime.interpret import Tap
    from mlparity.targets.coreml.session import Emulation


def _convert(request: Request) -> Conversion:
    from mlparity.targets.coreml.checked_conversion import convert_request

    return convert_request(request)


def _unit(opening: Opening) -> ComputeUnit:
    return opening.unit if isinstance(opening.unit, ComputeUnit) else ComputeUnit.ALL


def _open(path: Path, opening: Opening) -> Session:
    from mlparity.targets.coreml.session import open_package

    return open_package(path, _unit(opening), opening.input_names)


def _take_out(path: Path, function: str, folder: Path) -> TakenOut:
    from mlparity.targets.coreml.taking_out import take_out

    return take_out(path, function, folder)


def _inspect(path: Path) -> Inspection:
    from mlparity.targets.coreml.inspect import inspect_package

    return inspect_package(path)


def _precision(path: Path) -> Precision:
    from mlparity.engine.mil.precision import common_precision
    from mlparity.engine.reading import read_stages

    return common_precision(read_stages(path)[0])


def _emulation(path: Path) -> Emulation | None:
    from mlparity.targets.coreml.session import emulation_of

    return emulation_of(path)


def _open_variant(path: Path, opening: Opening, variant: Variant | None) -> EngineSession:
    from mlparity.targets.coreml.session import open_variant

    return open_variant(path, _unit(opening), opening.input_names, variant)


def _watch(path: Path, input_names: tuple[str, ...], tap: Tap) -> Session:
    from mlparity.targets.coreml.session import open_watched

    return open_watched(path, input_names, tap)


def _provenance(variant: Variant | None) -> Provenance:
    from mlparity.targets.coreml.session import provenance

    return provenance(variant)


def _plain_provenance(path: Path) -> Provenance:
    from mlparity.targets.coreml.session import plain_provenance

    return plain_provenance(path)


def _recipes(request: RecipeRequest) -> Iterator[Recipe]:
    from mlparity.targets.coreml.recipes import coreml_recipes

    return coreml_recipes(request)


def _base_target(compression: Compression, asked: str | None) -> str | None:
    from mlparity.targets.coreml.compression import base_target

    return base_target(compression, asked)


def _compress(request: CompressionRequest) -> Mapping[str, str]:
    from mlparity.targets.coreml.compression import compress

    return compress(request)


_NEVER = {
    Setting(DEFAULT_TARGET, Precision.FP32, ComputeUnit.CPU_AND_NE): (
        "An fp32-typed op never runs on the Neural Engine, so this setting is fp32/CPU_ONLY under another name. "
        "Source: https://apple.github.io/coremltools/docs-guides/source/typed-execution.html"
    )
}


def _not_applicable(setting: Setting, _is_asked: bool) -> str:
    return _NEVER.get(setting.uncompressed.of_any_deployment, "")


def _deployment_targets() -> tuple[str, ...]:
    from mlparity.targets.coreml.deployment import deployment_targets

    return deployment_targets()


COREML = Target(
    name=DEFAULT_TARGET,
    title="Core ML",
    suffixes=(SUFFIX, NETWORK_SUFFIX),
    containers=CONTAINERS,
    suffix_of={Precision.NEURAL_NETWORK: NETWORK_SUFFIX},
    take_out=_take_out,
    deployment_targets=_deployment_targets,
    settings=tuple(Setting(DEFAULT_TARGET, precision, unit) for precision in DECLARED for unit in ComputeUnit),
    extra_settings=tuple(Setting(DEFAULT_TARGET, Precision.NEURAL_NETWORK, unit) for unit in ComputeUnit),
    leads=True,
    convert=_convert,
    open_artifact=_open,
    inspect=_inspect,
    precision=_precision,
    not_applicable=_not_applicable,
    metadata=PACKAGE,
    loaders=(Loader("VerifiedModel.swift", "//", swift_snippet), Loader("verified_model.py", "#", python_loader)),
    compressor=Compressor(USUAL, KNOWN, DECLARED, _base_target, _compress, takes_functions=True),
    recipes=_recipes,
    engine=EngineSupport(_emulation, _open_variant, _watch, _provenance, _plain_provenance),
)
