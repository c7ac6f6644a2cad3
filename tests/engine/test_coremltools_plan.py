"""coremltools' public calls about structure, devices, plans and assets, on our engine."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import coremltools as ct
import numpy as np
import pytest
from coremltools.converters.mil import Builder as mb
from coremltools.models.compute_device import MLComputeDevice, MLCPUComputeDevice, MLNeuralEngineComputeDevice
from coremltools.models.compute_plan import MLComputePlan, MLModelStructure
from coremltools.models.model import MLModelAsset

import mlparity


def converted(*, side: int = 16, channels: int = 8, **options: Any) -> Any:
    random = np.random.default_rng(0)
    kernel, weight = random.random((channels, 3, 3, 3), np.float32), random.random((4, channels), np.float32)

    @mb.program(input_specs=[mb.TensorSpec(shape=(1, 3, side, side))])
    def program(x: Any) -> Any:
        y = mb.relu(x=mb.conv(x=x, weight=kernel))
        return mb.linear(x=mb.reduce_mean(x=y, axes=[2, 3]), weight=weight, name="logits")

    return ct.convert(program, **options)


LARGE = {"side": 256, "channels": 64}
"""Of a network that is worth a call of the Neural Engine; one with the other sizes is not."""


@pytest.fixture(scope="module")
def model() -> Any:
    mlparity.enable_coremltools()
    return converted(**LARGE, minimum_deployment_target=ct.target.iOS16)


def test_the_structure_is_that_of_the_program(model: Any) -> None:
    structure = MLModelStructure.load_from_path(model.get_compiled_model_path())
    assert structure.neuralnetwork is structure.pipeline is None
    block = structure.program.functions["main"].block
    names = [op.operator_name for op in block.operations]
    assert [name for name in names if name not in ("const", "cast")] == ["conv", "relu", "reduce_mean", "linear"]
    conv = block.operations[names.index("conv")]
    assert {"x", "weight", "strides"} <= set(conv.inputs)
    assert block.output_names
    assert conv.outputs[0].name


def test_a_network_has_layers() -> None:
    mlparity.enable_coremltools()
    network = converted(**LARGE, convert_to="neuralnetwork")
    structure = MLModelStructure.load_from_path(network.get_compiled_model_path())
    assert structure.program is None
    layers = structure.neuralnetwork.layers
    assert [layer.type for layer in layers][:2] == ["convolution", "activation"]
    plan = MLComputePlan.load_from_path(network.get_compiled_model_path())
    usage = plan.get_compute_device_usage_for_neuralnetwork_layer(plan.model_structure.neuralnetwork.layers[0])
    assert isinstance(usage.preferred_compute_device, MLNeuralEngineComputeDevice)


def test_layers_have_the_types_of_core_ml_s_compiler_where_these_are_known() -> None:
    mlparity.enable_coremltools()

    @mb.program(input_specs=[mb.TensorSpec((10, 20)), mb.TensorSpec((10, 20))])
    def program(x: Any, y: Any) -> Any:
        return mb.add(x=x, y=y), mb.sub(x=x, y=y), mb.mul(x=x, y=y), mb.linear(x=x, weight=np.ones((3, 20), np.float32))

    network = ct.convert(program, convert_to="neuralnetwork")
    layers = MLModelStructure.load_from_path(network.get_compiled_model_path()).neuralnetwork.layers
    assert (
        ", ".join(layer.type for layer in layers) == "elementwise, activation, elementwise, elementwise, inner_product"
    )


def test_a_plan_says_where_ops_are_likely_to_run_and_that_it_is_estimated(model: Any) -> None:
    plan = MLComputePlan.load_from_path(model.get_compiled_model_path(), ct.ComputeUnit.CPU_AND_NE)
    operations = plan.model_structure.program.functions["main"].block.operations
    usages = {op.operator_name: plan.get_compute_device_usage_for_mlprogram_operation(op) for op in operations}
    assert usages["const"] is None
    assert isinstance(usages["conv"].preferred_compute_device, MLNeuralEngineComputeDevice)
    assert isinstance(usages["conv"].supported_compute_devices[0], MLCPUComputeDevice)
    assert usages["conv"].provenance == "estimated"
    costs = [plan.get_estimated_cost_for_mlprogram_operation(op) for op in operations]
    known = [cost for cost in costs if cost is not None]
    assert sum(cost.weight for cost in known) == pytest.approx(1.0)
    assert all(cost.provenance == "estimated" for cost in known)


def test_a_small_network_stays_on_the_cpu() -> None:
    small = converted(minimum_deployment_target=ct.target.iOS16)
    plan = MLComputePlan.load_from_path(small.get_compiled_model_path())
    (conv,) = (
        op for op in plan.model_structure.program.functions["main"].block.operations if op.operator_name == "conv"
    )
    usage = plan.get_compute_device_usage_for_mlprogram_operation(conv)
    assert isinstance(usage.preferred_compute_device, MLCPUComputeDevice)
    assert isinstance(usage.supported_compute_devices[-1], MLNeuralEngineComputeDevice)


def test_on_the_cpu_alone_nothing_runs_elsewhere(model: Any) -> None:
    plan = MLComputePlan.load_from_path(model.get_compiled_model_path(), ct.ComputeUnit.CPU_ONLY)
    for op in plan.model_structure.program.functions["main"].block.operations:
        usage = plan.get_compute_device_usage_for_mlprogram_operation(op)
        assert usage is None or isinstance(usage.preferred_compute_device, MLCPUComputeDevice)


def test_devices_are_those_of_the_chip() -> None:
    mlparity.enable_coremltools("M1")
    every = MLComputeDevice.get_all_compute_devices()
    assert [type(device).__name__ for device in every] == [
        "MLCPUComputeDevice",
        "MLGPUComputeDevice",
        "MLNeuralEngineComputeDevice",
    ]
    assert every[-1].total_core_count == 16
    assert len(ct.models.MLModel.get_available_compute_devices()) == 3
    mlparity.enable_coremltools(None)
    assert len(MLComputeDevice.get_all_compute_devices()) == 1
    mlparity.enable_coremltools()


def test_an_asset_from_a_path_and_from_memory_predicts(model: Any, tmp_path: Path) -> None:
    x = {"x": np.random.default_rng(0).random((1, 3, 256, 256), np.float32)}
    (expected,) = model.predict(x).values()
    path = tmp_path / "net.mlpackage"
    model.save(str(path))
    weights = {"weights/weight.bin": next(path.rglob("weight.bin")).read_bytes()}
    spec = next(path.rglob("*.mlmodel")).read_bytes()
    for asset in (MLModelAsset.from_path(str(path)), MLModelAsset.from_memory(spec, weights)):
        (found,) = ct.models.CompiledMLModel("", asset=asset).predict(x).values()
        assert np.array_equal(found, expected)


@pytest.mark.parametrize(
    "call", [MLModelStructure.load_from_path, MLComputePlan.load_from_path, MLModelAsset.from_path]
)
def test_what_is_not_there_is_a_runtime_error(call: Any, tmp_path: Path) -> None:
    mlparity.enable_coremltools()
    with pytest.raises(RuntimeError, match="nowhere"):
        call(str(tmp_path / "nowhere.mlmodelc"))


def test_memory_may_not_lead_outside(model: Any) -> None:
    with pytest.raises(RuntimeError, match=r"outside|leads"):
        MLModelAsset.from_memory(model.get_spec().SerializeToString(), {"../../x": b""})


def test_a_plan_of_another_machine_stands_on_a_proxy_without_a_model() -> None:
    """coremltools derives it, and makes it with nothing; see its `experimental/compute_plan_utils.py`."""
    from coremltools.models.compute_plan import _MLComputePlanProxy

    class Remote(_MLComputePlanProxy):
        def __init__(self) -> None:
            _MLComputePlanProxy.__init__(self)
            self.told = True

    assert Remote().told
