"""A network as a whole: converted ones, both shape mappings, images, classes, weights, and what is refused."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from mlparity.core.errors import ExecutionError, FormatError, InputError, UnsupportedOpError
from mlparity.engine.coremltools_binding import enable_coremltools
from mlparity.engine.neural_network.table import CONTROL_FLOW, LOWERINGS, REFUSED
from mlparity.engine.reading import read_program
from tests.engine.mil.packages import SHAPE, expected, sample
from tests.engine.mil.packages import SmallNet as Small
from tests.engine.neural_network.networks import LayerSpec, add_array, network, read, run

RANDOM = np.random.default_rng(0)


class Squeezed(nn.Module):
    """What EfficientNets are made of: depthwise convolutions, SiLU, and channels scaled by what a pool gives."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.stem = nn.Conv2d(3, 8, 3, stride=2, padding=1)
        self.deep = nn.Conv2d(8, 8, 3, padding=1, groups=8, bias=False)
        self.norm = nn.BatchNorm2d(8)
        self.scale = nn.Conv2d(8, 8, 1)
        self.head = nn.Linear(8, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = nn.functional.silu(self.stem(nn.functional.pad(x, (0, 1, 0, 1))))
        y = nn.functional.silu(self.norm(self.deep(x)))
        y = y * self.scale(y.mean((2, 3), keepdim=True)).sigmoid() + x
        return self.head(y.mean((2, 3)))


def convert(module: nn.Module, path: Path) -> Any:
    """Convert with coremltools to a network, save it, and return the module of coremltools."""
    enable_coremltools()
    import coremltools as ct

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # coremltools and tracing warn of their own future
        traced = torch.jit.trace(module.eval(), torch.from_numpy(sample()))
        model = ct.convert(traced, inputs=[ct.TensorType("x", SHAPE)], convert_to="neuralnetwork")
        model.save(str(path))
    return ct


@pytest.mark.parametrize("suffix", [".mlmodel", ".mlpackage"])
def test_a_converted_network_is_exact_on_the_cpu_and_rounds_elsewhere(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"network{suffix}"
    module = Squeezed()
    ct = convert(module, path)
    with torch.no_grad():
        exact = module(torch.from_numpy(sample())).numpy()
    errors = {}
    for unit in ("CPU_ONLY", "CPU_AND_GPU", "CPU_AND_NE", "ALL"):
        model = ct.models.MLModel(str(path), compute_units=ct.ComputeUnit[unit])
        (got,) = model.predict({"x": sample()}).values()
        errors[unit] = float(np.abs(got - exact).max() / np.abs(exact).max())
    assert errors.pop("CPU_ONLY") < 1e-6
    assert all(1e-5 < error < 0.05 for error in errors.values()), errors


def test_a_gpu_sums_in_fp16_where_the_app_allows_it(tmp_path: Path) -> None:
    path = tmp_path / "network.mlmodel"
    ct = convert(Squeezed(), path)
    found = {}
    for allowed in (False, True):
        hints = {"allowLowPrecisionAccumulationOnGPU": allowed}
        for unit in ("CPU_ONLY", "CPU_AND_GPU"):
            units = ct.ComputeUnit[unit]
            model = ct.models.MLModel(str(path), compute_units=units, optimization_hints=hints)
            (found[allowed, unit],) = model.predict({"x": sample()}).values()
    np.testing.assert_array_equal(found[True, "CPU_ONLY"], found[False, "CPU_ONLY"])
    errors = [np.abs(found[allowed, "CPU_AND_GPU"] - found[False, "CPU_ONLY"]).max() for allowed in (False, True)]
    assert all(0 < error < 0.05 for error in errors)
    assert errors[0] != errors[1]


def test_without_a_chip_a_network_is_fp32_on_every_unit(tmp_path: Path) -> None:
    path = tmp_path / "network.mlmodel"
    ct = convert(Small(), path)
    try:
        enable_coremltools(chip=None)
        for unit in ("CPU_ONLY", "CPU_AND_GPU", "ALL"):
            model = ct.models.MLModel(str(path), compute_units=ct.ComputeUnit[unit])
            (got,) = model.predict({"x": sample()}).values()
            np.testing.assert_allclose(got, expected(), rtol=1e-6, atol=1e-7)
    finally:
        enable_coremltools()


def test_the_program_says_what_form_it_had(tmp_path: Path) -> None:
    path = tmp_path / "network.mlmodel"
    convert(Small(), path)
    program = read_program(path)
    assert program.kind == "neuralNetwork"
    assert program.functions["main"].is_untyped
    assert {op.type for op in program.functions["main"].walk()} >= {"conv", "linear", "softmax", "cast"}


def relu(**more: Any) -> Any:
    return network([LayerSpec("activation", {"ReLU": {}})], **more)


@pytest.mark.parametrize(
    ("described", "given", "returned"),
    [
        ((4,), (4,), (4,)),
        ((4,), (3, 2, 4), (3, 2, 4, 1, 1)),
        ((4,), (3, 2, 4, 1, 1), (3, 2, 4, 1, 1)),
        ((4, 2, 3), (4, 2, 3), (4, 2, 3)),
        ((4, 2, 3), (3, 2, 4, 2, 3), (3, 2, 4, 2, 3)),
        ((4, 2, 3), (1, 1, 4, 2, 3), (4, 2, 3)),
    ],
)
def test_older_networks_have_five_axes(
    described: tuple[int, ...], given: tuple[int, ...], returned: tuple[int, ...]
) -> None:
    x = RANDOM.standard_normal(given, np.float32)
    model = relu(inputs={"x": described}, outputs={"y": described}, rank5=True)
    y = run(model, x=x)["y"]
    assert y.shape == returned
    np.testing.assert_array_equal(y.reshape(given), np.maximum(x, 0))


def test_a_network_may_be_for_one_length_of_a_sequence_that_nothing_states() -> None:
    layers = [
        LayerSpec("permute", {"axis": [3, 1, 2, 0]}, ("x",), ("p",)),
        LayerSpec("flatten", {}, ("p",), ("f",)),
        LayerSpec("innerProduct", {"inputChannels": 6, "outputChannels": 1, "weights": np.arange(6.0)}, ("f",), ("y",)),
    ]
    model = network(layers, {"x": (2, 1, 1)}, rank5=True)
    x = RANDOM.standard_normal((3, 1, 2, 1, 1), np.float32)
    wanted = x[:, 0, :, 0, 0].T.reshape(-1) @ np.arange(6.0)
    np.testing.assert_allclose(run(model, x=x)["y"].reshape(-1), [wanted], rtol=1e-5)
    with pytest.raises(ExecutionError, match="layer2"):
        run(model, x=x[:2])


FIRST: dict[str, list[Any]] = {
    "beginIds": [0],
    "endIds": [1],
    "strides": [1],
    "beginMasks": [False],
    "endMasks": [False],
}


def test_a_number_that_is_cut_out_of_an_array_has_no_axis_until_it_is_given_one() -> None:
    layers = [
        LayerSpec("sliceStatic", FIRST | {"squeezeMasks": [True]}, ("x",), ("number",)),
        LayerSpec("expandDims", {"axes": [0]}, ("number",), ("y",)),
        LayerSpec("expandDims", {"axes": [0, 1]}, ("number",), ("z",)),
    ]
    made = run(network(layers, {"x": (3,)}, ("number", "y", "z")), x=np.array([4.0, 5.0, 6.0], np.float32))
    assert {name: value.shape for name, value in made.items()} == {"number": (1,), "y": (1,), "z": (1, 1)}
    assert all(value == 4 for value in made.values())


def test_what_a_computed_shape_makes_keeps_its_rank() -> None:
    """Sequences of open length, packed and padded, are such networks."""
    cut = {name: values * 2 for name, values in FIRST.items()}
    layers = [
        LayerSpec("fillDynamic", {"value": 2.0}, ("n",), ("a",)),
        LayerSpec("squeeze", {"axes": [0]}, ("a",), ("b",)),
        LayerSpec("transpose", {"axes": [1, 0]}, ("b",), ("c",)),
        LayerSpec("concatND", {"axis": 0}, ("c", "c"), ("d",)),
        LayerSpec("sliceStatic", cut | {"squeezeMasks": [True, False], "endIds": [0, 2]}, ("d",), ("e",)),
        LayerSpec("innerProduct", {"inputChannels": 2, "outputChannels": 1, "weights": np.ones(2)}, ("d",), ("f",)),
    ]
    scattered = LayerSpec("scatter", {"axis": 0, "mode": 1}, ("d", "one", "row"), ("g",))
    layers += [
        LayerSpec("loadConstantND", {"shape": [1], "data": np.ones(1)}, (), ("one",)),
        LayerSpec("loadConstantND", {"shape": [1, 2], "data": np.ones(2)}, (), ("row",)),
        scattered,
        LayerSpec("getShape", {}, ("g",), ("sizes",)),
        LayerSpec("fillDynamic", {"value": 1.0}, ("sizes",), ("ones",)),
        LayerSpec("sliceStatic", cut | {"squeezeMasks": [False, True], "endIds": [6, 1]}, ("ones",), ("h",)),
    ]
    model = network(layers, {"n": (3,)}, ("d", "e", "f", "g", "h"))
    y = run(model, n=np.array([1, 2, 3], np.float32))
    np.testing.assert_array_equal(y["g"], np.full((6, 2), 2.0) + np.eye(6)[1][:, None])
    np.testing.assert_array_equal(y["h"], np.ones(6))
    np.testing.assert_array_equal(y["d"], np.full((6, 2), 2.0))
    np.testing.assert_array_equal(y["e"], np.full(2, 2.0))
    np.testing.assert_array_equal(y["f"], np.full((6, 1), 4.0))


def test_a_shape_that_is_a_default_need_not_fit() -> None:
    """Sources whose channels are open convert so: the default is one channel, the layer takes four."""
    params = {"kernelSize": [1, 1], "kernelChannels": 2, "outputChannels": 2, "nGroups": 2, "weights": np.ones(4)}
    model = network([LayerSpec("convolution", params)], {"x": (1, 1, 2, 2)})
    sizes = model.description.input[0].type.multiArrayType.shapeRange.sizeRanges
    for low, high in ((1, 1), (1, -1), (2, 2), (2, 2)):
        size = sizes.add()
        size.lowerBound, size.upperBound = low, high
    x = RANDOM.standard_normal((1, 4, 2, 2), np.float32)
    y = run(model, x=x)["y"]
    np.testing.assert_allclose(y, np.stack([x[:, :2].sum(1), x[:, 2:].sum(1)], 1), rtol=1e-6)
    with pytest.raises(ExecutionError, match="layer0"):
        run(model, x=x[:, :3])


def test_stacked_inputs_have_one_default_shape() -> None:
    """Core ML refuses others, whatever shapes are given at a run."""
    layers = [LayerSpec("stack", {"axis": 0}, inputs=("a", "b"))]
    for width, is_refused in ((4, False), (2, True)):
        model = network(layers, {"a": (2, 4), "b": (2, width)})
        sizes = model.description.input[1].type.multiArrayType.shapeRange.sizeRanges
        for low, high in ((2, 2), (1, 10)):
            size = sizes.add()
            size.lowerBound, size.upperBound = low, high
        a = np.ones((2, 4), np.float32)
        if is_refused:
            with pytest.raises(FormatError, match="default shapes"):
                run(model, a=a, b=a)
        else:
            np.testing.assert_array_equal(run(model, a=a, b=a)["y"], np.ones((2, 2, 4)))


def test_another_shape_is_refused_by_older_networks() -> None:
    model = relu(inputs={"x": (4, 2, 3)}, rank5=True)
    for shape in ((4, 2, 2), (2, 3), (1, 4, 2, 3), (1, 1, 4, 2, 2)):
        with pytest.raises(InputError, match="another shape"):
            run(model, x=np.zeros(shape, np.float32))


@pytest.mark.parametrize("shape", [(3,), (2, 3), (1, 2, 3), (2, 1, 3, 2), (1, 2, 2, 1, 3)])
def test_newer_networks_keep_the_axes_as_described(shape: tuple[int, ...]) -> None:
    x = RANDOM.standard_normal(shape, np.float32)
    y = run(relu(inputs={"x": shape}), x=x)["y"]
    np.testing.assert_array_equal(y, np.maximum(x, 0))


def test_an_input_may_go_out_as_it_came_in() -> None:
    x = RANDOM.standard_normal((2, 3), np.float32)
    model = network([], {"x": (2, 3)}, {"x": (2, 3)})
    np.testing.assert_array_equal(run(model, x=x)["x"], x)


def test_a_flexible_size_is_open_and_others_are_not() -> None:
    model = network([LayerSpec("concat", {}, ("x", "x"))], {"x": (1, 2, 4, 5)})
    sizes = model.description.input[0].type.multiArrayType.shapeRange.sizeRanges
    for low, high in ((1, 1), (2, 2), (2, 64), (5, 5)):
        size = sizes.add()
        size.lowerBound, size.upperBound = low, high
    program = read(model)
    assert program.functions["main"].inputs[0].type.shape == (1, 2, None, 5)  # type: ignore[union-attr]
    types = {each.name: each.type for op in program.functions["main"].walk() for each in op.outputs}
    assert types["y"].shape == (1, 4, None, 5)  # type: ignore[union-attr]
    x = RANDOM.standard_normal((1, 2, 33, 5), np.float32)
    np.testing.assert_array_equal(run(model, x=x)["y"], np.concatenate([x, x], 1))


COLORS = {"GRAYSCALE": 10, "RGB": 20, "BGR": 30}


def of_image(color: str, height: int, width: int, *, rank5: bool) -> Any:
    """Return a network that doubles an image."""
    model = network([LayerSpec("multiply", {"alpha": 2.0})], {"x": ()}, rank5=rank5)
    feature = model.description.input[0].type
    feature.ClearField("multiArrayType")
    feature.imageType.colorSpace = COLORS[color]
    feature.imageType.height, feature.imageType.width = height, width
    return model


PIXELS = RANDOM.integers(0, 256, (4, 5, 3), dtype=np.uint8)


@pytest.mark.parametrize("rank5", [False, True])
@pytest.mark.parametrize("color", ["RGB", "BGR"])
def test_an_image_is_scaled_and_centred_by_its_channels(color: str, rank5: bool) -> None:
    model = of_image(color, 4, 5, rank5=rank5)
    mean = RANDOM.standard_normal((3, 4, 5), np.float32)
    first, second = (model.neuralNetwork.preprocessing.add() for _ in range(2))
    first.featureName = "x"
    first.scaler.channelScale = 0.5
    first.scaler.redBias, first.scaler.greenBias, first.scaler.blueBias = 1.0, -2.0, 3.0
    second.meanImage.meanImage.extend(mean.reshape(-1).tolist())
    planes = PIXELS.transpose(2, 0, 1).astype(np.float32)
    bias = np.array([1.0, -2.0, 3.0], np.float32)
    if color == "BGR":
        planes, bias = planes[::-1], bias[::-1]
    want = 2 * (0.5 * planes + bias[:, None, None] - mean)
    y = run(model, x=Image.fromarray(PIXELS))["y"]
    np.testing.assert_allclose(y, want if rank5 else want[None], rtol=1e-6)


def test_a_gray_image_has_its_own_bias() -> None:
    model = of_image("GRAYSCALE", 4, 5, rank5=False)
    step = model.neuralNetwork.preprocessing.add()
    step.scaler.channelScale, step.scaler.grayBias, step.scaler.redBias = 2.0, 5.0, 100.0
    y = run(model, x=Image.fromarray(PIXELS[:, :, 0]))["y"]
    np.testing.assert_array_equal(y, 2 * (2.0 * PIXELS[None, None, :, :, 0].astype(np.float32) + 5))


def test_a_mean_image_of_another_size_is_refused() -> None:
    model = of_image("RGB", 4, 5, rank5=False)
    model.neuralNetwork.preprocessing.add().meanImage.meanImage.extend([1.0] * 7)
    with pytest.raises(FormatError, match="a mean image of 7"):
        read(model)


def test_preprocessing_of_no_image_is_refused() -> None:
    model = relu(inputs={"x": (1, 3)})
    model.neuralNetwork.preprocessing.add().scaler.channelScale = 2.0
    with pytest.raises(FormatError, match="which is no image"):
        read(model)


def classifier(labels: list[str] | list[int], *, rank5: bool = False) -> Any:
    model = network([LayerSpec("softmax" if rank5 else "softmaxND", {}, ("x",), ("y",))], {"x": (3,)}, (), rank5=rank5)
    message = model.neuralNetworkClassifier
    message.layers.extend(model.neuralNetwork.layers)
    message.arrayInputShapeMapping = 0 if rank5 else 1
    if isinstance(labels[0], str):
        message.stringClassLabels.vector.extend(labels)
    else:
        message.int64ClassLabels.vector.extend(labels)
    label, probabilities = (model.description.output.add() for _ in range(2))
    label.name, probabilities.name = "label", "probabilities"
    kind = "stringType" if isinstance(labels[0], str) else "int64Type"
    getattr(label.type, kind).SetInParent()
    probabilities.type.dictionaryType.stringKeyType.SetInParent()
    model.description.predictedFeatureName = "label"
    model.description.predictedProbabilitiesName = "probabilities"
    return model


@pytest.mark.parametrize("rank5", [False, True])
@pytest.mark.parametrize("labels", [["a", "b", "c"], [7, 8, 9]])
def test_a_classifier_gives_its_label_and_probabilities(labels: Any, rank5: bool) -> None:
    x = np.array([1.0, 3.0, 2.0], np.float32)
    got = run(classifier(labels, rank5=rank5), x=x)
    weights = np.exp(x) / np.exp(x).sum()
    assert got["label"] == labels[1]
    assert list(got["probabilities"]) == labels
    np.testing.assert_allclose(list(got["probabilities"].values()), weights, rtol=1e-6)


def test_a_classifier_with_another_number_of_labels_is_refused() -> None:
    with pytest.raises(FormatError, match="2 labels"):
        read(classifier(["a", "b"]))


def test_a_regressor_gives_a_number() -> None:
    model = network([LayerSpec("reduceSum", {"reduceAll": True})], {"x": (3,)}, ())
    model.neuralNetworkRegressor.layers.extend(model.neuralNetwork.layers)
    model.neuralNetworkRegressor.arrayInputShapeMapping = 1
    output = model.description.output.add()
    output.name = "y"
    output.type.doubleType.SetInParent()
    model.description.predictedFeatureName = "y"
    assert run(model, x=np.array([1.0, 2.0, 4.0], np.float32)) == {"y": 7.0}


@pytest.mark.parametrize("dtype", ["fp32", "fp64", "int32"])
def test_an_output_has_its_described_type(dtype: str) -> None:
    model = network([LayerSpec("floor")], {"x": (3,)}, ())
    add_array(model.description.output.add(), "y", (3,), dtype)
    y = run(model, x=np.array([1.5, -2.5, 4.0], np.float32))["y"]
    assert y.dtype == {"fp32": np.float32, "fp64": np.float64, "int32": np.int32}[dtype]
    np.testing.assert_array_equal(y, [1, -3, 4])


def weighted(fill: Any, count: int = 2) -> Any:
    """Return an inner product of three numbers whose weights are what `fill` puts into the message."""
    model = network([LayerSpec("innerProduct", {"inputChannels": 3, "outputChannels": count})], {"x": (3,)})
    fill(model.neuralNetwork.layers[0].innerProduct.weights)
    return model


X = np.array([1.0, -2.0, 0.5], np.float32)


def test_weights_may_be_fp16() -> None:
    weights = RANDOM.standard_normal((2, 3), np.float32).astype(np.float16)
    model = weighted(lambda message: setattr(message, "float16Value", weights.tobytes()))
    np.testing.assert_allclose(run(model, x=X)["y"], weights.astype(np.float64) @ X, rtol=1e-6)


def packed(values: np.ndarray, bits: int) -> bytes:
    """Return whole numbers one after the other, the most significant bit first."""
    text = "".join(f"{value:0{bits}b}" for value in values.reshape(-1))
    text += "0" * (-len(text) % 8)
    return bytes(int(text[at : at + 8], 2) for at in range(0, len(text), 8))


@pytest.mark.parametrize("scales", [1, 2])
@pytest.mark.parametrize("bits", range(1, 9))
def test_weights_may_be_scaled_integers(bits: int, scales: int) -> None:
    codes = RANDOM.integers(0, 1 << bits, (2, 3))
    scale, bias = np.array([0.5, 0.25][:scales]), np.array([-1.0, 2.0][:scales])

    def fill(message: Any) -> None:
        message.rawValue = packed(codes, bits)
        message.quantization.numberOfBits = bits
        message.quantization.linearQuantization.scale.extend(scale.tolist())
        message.quantization.linearQuantization.bias.extend(bias.tolist())

    want = (codes * scale[:, None] + bias[:, None]) @ X
    np.testing.assert_allclose(run(weighted(fill), x=X)["y"], want, rtol=1e-6)


@pytest.mark.parametrize("bits", range(1, 9))
def test_weights_may_be_looked_up(bits: int) -> None:
    codes = RANDOM.integers(0, 1 << bits, (2, 3))
    table = RANDOM.standard_normal(1 << bits, np.float32)

    def fill(message: Any) -> None:
        message.rawValue = packed(codes, bits)
        message.quantization.numberOfBits = bits
        message.quantization.lookupTableQuantization.floatValue.extend(table.tolist())

    np.testing.assert_allclose(run(weighted(fill), x=X)["y"], table[codes].astype(np.float64) @ X, rtol=1e-5)


def test_an_int8_product_rounds_its_input_too() -> None:
    codes = RANDOM.integers(-128, 128, (2, 3)).astype(np.int8)

    def fill(message: Any) -> None:
        message.int8RawValue = codes.tobytes()
        message.quantization.numberOfBits = 8
        message.quantization.linearQuantization.scale.append(0.25)

    model = weighted(fill)
    model.neuralNetwork.layers[0].innerProduct.int8DynamicQuantize = True
    step = np.float32(2) / 127
    want = (codes * 0.25) @ np.rint(X / step) * step
    np.testing.assert_allclose(run(model, x=X)["y"], want, rtol=1e-6)


def too_many(message: Any) -> None:
    message.floatValue.extend([1.0] * 7)


def nine_bits(message: Any) -> None:
    message.rawValue = bytes(7)
    message.quantization.numberOfBits = 9


def short_table(message: Any) -> None:
    message.rawValue = bytes(6)
    message.quantization.numberOfBits = 8
    message.quantization.lookupTableQuantization.floatValue.append(1.0)


def odd_scales(message: Any) -> None:
    message.rawValue = bytes(6)
    message.quantization.numberOfBits = 8
    message.quantization.linearQuantization.scale.extend([1.0] * 5)


def few_bytes(message: Any) -> None:
    message.rawValue = bytes(1)
    message.quantization.numberOfBits = 3


@pytest.mark.parametrize("fill", [too_many, nine_bits, short_table, odd_scales, few_bytes, lambda _: None])
def test_weights_that_do_not_fit_are_refused_by_layer(fill: Any) -> None:
    with pytest.raises(FormatError, match=r"layer0.*innerProduct.*weights that do not fit") as raised:
        read(weighted(fill))
    assert "network.mlmodel" in str(raised.value)


def test_a_custom_layer_is_refused_by_name_and_place() -> None:
    model = network([LayerSpec("custom", {"className": "Mine"})], {"x": (1,)})
    with pytest.raises(UnsupportedOpError, match=r"layer0.*custom") as raised:
        read(model)
    assert "network.mlmodel" in str(raised.value)
    assert REFUSED["custom"] in str(raised.value)


def test_a_layer_without_a_type_is_refused() -> None:
    model = relu(inputs={"x": (1,)})
    model.neuralNetwork.layers[0].ClearField("activation")
    with pytest.raises(UnsupportedOpError, match="without a type"):
        read(model)


def test_an_unknown_name_is_refused() -> None:
    with pytest.raises(FormatError, match="'z', which no layer before it gives"):
        read(network([LayerSpec("ceil", {}, ("z",))], {"x": (1,)}))


def test_an_output_that_nothing_gives_is_refused() -> None:
    with pytest.raises(FormatError, match=r"'z' \(output\) has no layer"):
        read(relu(inputs={"x": (1,)}, outputs=("z",)))


def test_a_name_given_twice_is_refused() -> None:
    layers = [LayerSpec("ceil"), LayerSpec("floor")]
    with pytest.raises(FormatError, match="which another layer gives"):
        read(network(layers, {"x": (1,)}))


def test_inputs_that_do_not_fit_are_refused_by_layer() -> None:
    layer = LayerSpec("addBroadcastable", {}, ("x", "z"))
    with pytest.raises(FormatError, match=r"layer0.*inputs that do not fit"):
        read(network([layer], {"x": (2, 3), "z": (2, 4)}))


def test_every_layer_type_is_lowered_or_refused() -> None:
    from mlparity.engine.mil.spec import proto

    layers = proto("NeuralNetwork").NeuralNetworkLayer.DESCRIPTOR.oneofs_by_name["layer"].fields
    known = {*LOWERINGS, *REFUSED, *CONTROL_FLOW}
    assert {each.name for each in layers} == known
