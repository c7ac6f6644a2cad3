"""What coremltools asks of its native library about a model's structure, devices and compute plan, on our engine.

The structure is that of the file. The devices are those of the chosen chip. The plan is one plausible placement, its
costs are shares of a roofline: both are estimated, and say so in each object.
"""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mlparity.core.mlpackage import find_package
from mlparity.core.words import ComputeUnit, Provenance
from mlparity.engine.mil.program import Block, Function, Name, NamedType, Op
from mlparity.engine.mil.reader import program_of
from mlparity.engine.mil.spec import parse_spec
from mlparity.engine.placement.costs import costs_of
from mlparity.engine.placement.ruled import UNABLE, grounds_of
from mlparity.engine.placement.throughput import throughput
from mlparity.engine.reading import read_program

_NETWORKS = ("neuralNetwork", "neuralNetworkClassifier", "neuralNetworkRegressor")
_COMPILED = {"add": "elementwise", "multiply": "elementwise", "innerProduct": "inner_product"}
"""Layers of which it is known how Core ML's compiler calls them, by the file's types; "activation" stays.

Sources: of sums, `TestMLModelStructure` in coremltools 9.0, coremltools/test/api/test_api_examples.py; of the others,
the type of each layer in a published model.espresso.net, https://github.com/maderix/ANE.
"""
_PIPELINES = ("pipeline", "pipelineClassifier", "pipelineRegressor")


class CPUDevice:
    """Stands behind `MLCPUComputeDevice`."""


class GPUDevice:
    """Stands behind `MLGPUComputeDevice`."""


class NeuralEngineDevice:
    """Stands behind `MLNeuralEngineComputeDevice`."""

    def get_total_core_count(self) -> int:
        """Return 16: the M1 to M5 and A14 to A18 have as many.

        Source: Apple's technical specifications of each chip, https://support.apple.com/specs.
        """
        return 16


class AssetProxy:
    """Stands behind `MLModelAsset`: where the model lies, and the folder that holds one which came from memory."""

    def __init__(self, path: Path, folder: tempfile.TemporaryDirectory[str] | None = None) -> None:
        """Keep both."""
        self.path, self._folder = path, folder


def asset_of(path: str) -> Any:
    """Return the `MLModelAsset` of a model on disk.

    Raises:
        FormatError: there is none.
    """
    from coremltools.models.model import MLModelAsset

    find_package(Path(path))
    return MLModelAsset(AssetProxy(Path(path)))


def asset_from(spec: bytes, blobs: Mapping[str, bytes]) -> Any:
    """Return the `MLModelAsset` of a specification in memory; `blobs` are files that it refers to, by their paths.

    Raises:
        FormatError: a path leads outside the model.
    """
    from coremltools.models.model import MLModelAsset

    folder = tempfile.TemporaryDirectory(prefix="mlparity-asset-")
    path = Path(folder.name) / "model.mlmodel"
    path.write_bytes(spec)
    package = find_package(path)
    for name, blob in blobs.items():
        place = package.resolve(name)
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(blob)
    return MLModelAsset(AssetProxy(path, folder))


def structure_of(path: Path) -> Any:
    """Return the `MLModelStructure` of a model: ops by MIL's names, constants included, or layers by their types.

    Core ML gives layers the types of its compiler, such as "elementwise" for an `add`. There is no list of these: a
    layer whose type there is not known keeps the file's.

    Raises:
        FormatError: no model, or one that cannot be read.
    """
    package = find_package(path)
    return _structure(path, package, parse_spec(package.spec))


def _structure(path: Path, package: Any, message: Any) -> Any:
    from coremltools.models import compute_plan as ct

    kind = message.WhichOneof("Type")
    if kind in _NETWORKS:
        layers = [
            ct.MLModelStructureNeuralNetworkLayer(
                layer.name, _compiled(layer), list(layer.input), list(layer.output), layer
            )
            for layer in getattr(message, kind).layers
        ]
        return ct.MLModelStructure(ct.MLModelStructureNeuralNetwork(layers), None, None)
    if kind == "mlProgram":
        functions = program_of(path, package, message).functions
        program = ct.MLModelStructureProgram({name: _function(ct, each) for name, each in functions.items()})
        return ct.MLModelStructure(None, program, None)
    if kind in _PIPELINES:
        inner = message.pipeline if kind == "pipeline" else getattr(message, kind).pipeline
        names = list(inner.names) or [str(index) for index in range(len(inner.models))]
        models = zip(names, (_structure(path, package, model) for model in inner.models), strict=False)
        return ct.MLModelStructure(None, None, ct.MLModelStructurePipeline(tuple(models)))
    return ct.MLModelStructure(None, None, None)


def _compiled(layer: Any) -> str:
    name = layer.WhichOneof("layer") or ""
    return _COMPILED.get(name, name)


def _function(ct: Any, function: Function) -> Any:
    return ct.MLModelStructureProgramFunction(_named(ct, function.inputs), _block(ct, function.body, function.inputs))


def _block(ct: Any, block: Block, inputs: Sequence[NamedType]) -> Any:
    return ct.MLModelStructureProgramBlock(
        inputs=_named(ct, inputs),
        operations=[_operation(ct, op) for op in block.ops],
        output_names=list(block.outputs),
    )


def _operation(ct: Any, op: Op) -> Any:
    bindings = {
        name: ct.MLModelStructureProgramArgument([_binding(ct, argument) for argument in arguments])
        for name, arguments in op.inputs.items()
    }
    return ct.MLModelStructureProgramOperation(
        inputs=bindings,
        operator_name=op.type,
        outputs=_named(ct, op.outputs),
        blocks=[_block(ct, block, block.inputs) for block in op.blocks],
        __proxy__=op,
    )


def _binding(ct: Any, argument: object) -> Any:
    if isinstance(argument, Name):
        return ct.MLModelStructureProgramBinding(argument.name, None)
    return ct.MLModelStructureProgramBinding(None, ct.MLModelStructureProgramValue())


def _named(ct: Any, values: Sequence[NamedType]) -> list[Any]:
    kind = ct.MLModelStructureProgramValueType
    return [ct.MLModelStructureProgramNamedValueType(value.name, kind()) for value in values]


def devices_of(unit: ComputeUnit) -> list[Any]:
    """Return coremltools' objects for the processors of a set of compute units."""
    return [_device(name) for name in unit.processors]


def _device(name: str) -> Any:
    from coremltools.models import compute_device as ct

    made = {"CPU": (ct.MLCPUComputeDevice, CPUDevice), "GPU": (ct.MLGPUComputeDevice, GPUDevice)}
    device, proxy = made.get(name, (ct.MLNeuralEngineComputeDevice, NeuralEngineDevice))
    return device(proxy())


class AnyPlanProxy:
    """Stands behind `MLComputePlan`; coremltools derives from it what stands behind a plan of another machine."""


class ComputePlanProxy(AnyPlanProxy):
    """Stands behind `MLComputePlan`: a plausible placement of a program's ops, and their shares of a roofline."""

    def __init__(self, path: Path, unit: ComputeUnit, chip: str) -> None:
        """Read the model and place its default function's ops."""
        self.model_structure = structure_of(path)
        self._unit = unit
        read = () if self.model_structure.pipeline is not None else tuple(read_program(path).functions.values())
        placed = [op for function in read for op in grounds_of(function, chip).ruled()]
        self._engine = frozenset(_first_output(op.op) for op in placed if op.on_engine)
        self._unable = frozenset(_first_output(op.op) for op in placed if op.rule == UNABLE)
        self._shares = {name: share for function in read for name, share in _shares(function).items()}

    def get_compute_device_usage_for_mlprogram_operation(self, operation: Any) -> Any:
        """Return where an op is likely to run, None of a constant or an op within a block."""
        return self._usage(_first_output(operation))

    def get_compute_device_usage_for_neuralnetwork_layer(self, layer: Any) -> Any:
        """Return where the op that gives a layer's result is likely to run, None where no single op does."""
        return self._usage(layer.output_names[0] if layer.output_names else "")

    def _usage(self, name: str) -> Any:
        if name not in self._shares:
            return None
        takes = [each for each in self._unit.processors if each != "NE" or name not in self._unable]
        chosen = takes[-1]
        if "NE" in self._unit.processors:
            chosen = "NE" if name in self._engine else "CPU"
        return _estimated("MLComputePlanDeviceUsage")(_device(chosen), [_device(each) for each in takes])

    def get_estimated_cost_for_mlprogram_operation(self, operation: Any) -> Any:
        """Return an op's share of the whole prediction by the roofline, None where it has none."""
        share = self._shares.get(_first_output(operation))
        return None if share is None else _estimated("MLComputePlanCost")(share)


def plan_of(path: Path, unit: ComputeUnit, chip: str) -> Any:
    """Return the `MLComputePlan` of a model for compute units of a chip; says once that it is estimated.

    Raises:
        FormatError: no model, or one that cannot be read.
    """
    from coremltools.models.compute_plan import MLComputePlan

    if not _told:
        _told.append(True)
        logging.getLogger("mlparity").warning(
            "mlparity: compute plans are estimated here: a plausible placement on %s, costs as shares of a roofline",
            chip,
        )
    return MLComputePlan(ComputePlanProxy(path, unit, chip))


_told: list[bool] = []


def _first_output(operation: Any) -> str:
    return operation.outputs[0].name if operation.outputs else ""


def _shares(function: Function) -> dict[str, float]:
    """Return each op's share of the time that the roofline of the CPU gives to all, by its first output."""
    costs = costs_of(function)
    if not costs:
        return {}
    roof = next(iter(throughput().values()))["cpu"]
    seconds = {cost.op.outputs[0].name: roof.seconds([cost]) for cost in costs if cost.op.outputs}
    whole = sum(seconds.values())
    return {name: each / whole if whole else 0.0 for name, each in seconds.items()}


def _estimated(name: str) -> Any:
    """Return one of coremltools' classes whose objects say that they are estimated."""
    from coremltools.models import compute_plan as ct

    return type(name, (getattr(ct, name),), {"provenance": Provenance.ESTIMATED})
