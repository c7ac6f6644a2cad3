"""A model's surface through coremltools' own API: functions, shapes, defaults, images, classes, pipelines, refusals."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from mlparity.engine.coremltools_binding import enable_coremltools
from mlparity.engine.mil.spec import proto

enable_coremltools()
proto("Model")  # imports coremltools quietly

import coremltools as ct  # noqa: E402  # only once the engine stands in for its library
from coremltools.converters.mil import Builder as mb  # noqa: E402
from coremltools.converters.mil.mil import types  # noqa: E402

PIXELS = np.random.default_rng(0).integers(0, 256, (4, 6, 3), dtype=np.uint8)
PLANES = PIXELS.transpose(2, 0, 1)[None].astype(np.float32)


def converted(forward: Callable[..., torch.Tensor], *inputs: Any, **options: Any) -> Any:
    """Return `forward` as an fp32 `MLModel`; its example inputs have the inputs' default shapes."""

    class Module(torch.nn.Module):
        def forward(self, *values: torch.Tensor) -> torch.Tensor:
            return forward(*values)

    examples = tuple(
        torch.rand(tuple(each.shape.default if hasattr(each.shape, "default") else each.shape.shape)) for each in inputs
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        traced = torch.jit.trace(Module().eval(), examples)
        settings = {"minimum_deployment_target": ct.target.iOS17, "compute_precision": ct.precision.FLOAT32}
        return ct.convert(traced, inputs=list(inputs), **settings | options)


def only(outputs: dict[str, Any]) -> Any:
    (value,) = outputs.values()
    return value


def test_each_function_of_a_package_predicts_with_its_own_weights(tmp_path: Path) -> None:
    describe = ct.utils.MultiFunctionDescriptor()
    for name, factor in (("double", 2.0), ("triple", 3.0)):
        model = converted(lambda x, by=factor: x * by, ct.TensorType("x", (2,)), outputs=[ct.TensorType("y")])
        model.save(str(tmp_path / f"{name}.mlpackage"))
        describe.add_function(str(tmp_path / f"{name}.mlpackage"), "main", name)
    describe.default_function_name = "double"
    path = str(tmp_path / "both.mlpackage")
    ct.utils.save_multifunction(describe, path)
    wanted: dict[str | None, list[int]] = {None: [2, 4], "double": [2, 4], "triple": [3, 6]}
    for function, numbers in wanted.items():
        model = ct.models.MLModel(path, function_name=function)
        assert model.predict({"x": np.array([1, 2], np.float32)})["y"].tolist() == numbers
    with pytest.warns(RuntimeWarning, match="no function 'half'"), pytest.raises(ValueError, match="half"):
        ct.models.MLModel(path, function_name="half")


def test_a_range_of_shapes() -> None:
    shape = ct.Shape((ct.RangeDim(2, 5, default=3), 2))
    model = converted(lambda x: x.sum(0), ct.TensorType("x", shape))
    for rows in (2, 3, 5):
        assert only(model.predict({"x": np.ones((rows, 2), np.float32)})).tolist() == [rows, rows]
    for rows in (1, 6):
        with pytest.raises(
            RuntimeError, match=rf"Size \({rows}\) of dimension \(0\) is not in allowed range \(2\.\.5\)"
        ):
            model.predict({"x": np.ones((rows, 2), np.float32)})


def test_enumerated_shapes() -> None:
    shapes = ct.EnumeratedShapes([(2, 3), (4, 3)], default=(2, 3))
    model = converted(lambda x: x.sum(0), ct.TensorType("x", shapes))
    assert only(model.predict({"x": np.ones((4, 3), np.float32)})).tolist() == [4, 4, 4]
    with pytest.raises(RuntimeError, match=r"Shape \(3 x 3\) was not in enumerated set of allowed shapes"):
        model.predict({"x": np.ones((3, 3), np.float32)})


def test_an_optional_input_has_its_default() -> None:
    by = ct.TensorType("by", (2,), default_value=np.full(2, 3.0, np.float32))
    model = converted(lambda x, by: x * by, ct.TensorType("x", (2,)), by)
    assert only(model.predict({"x": np.array([1, 2], np.float32)})).tolist() == [3, 6]
    assert only(model.predict({"x": np.array([1, 2], np.float32), "by": np.array([5, 5], np.float32)})).tolist() == [
        5,
        10,
    ]
    with pytest.raises(RuntimeError, match="'x' is missing"):
        model.predict({"by": np.array([5, 5], np.float32)})


@pytest.mark.parametrize("layout", ["RGB", "BGR"])
def test_a_colour_image_comes_in_and_goes_out_in_its_layout(layout: str) -> None:
    color = ct.colorlayout[layout]
    image = ct.ImageType("x", (1, 3, 4, 6), color_layout=color)
    model = converted(lambda x: 255 - x, image, outputs=[ct.ImageType("y", color_layout=color)])
    found = model.predict({"x": Image.fromarray(PIXELS)})["y"]
    assert (found.mode, found.size) == ("RGBA", (6, 4))
    np.testing.assert_array_equal(np.asarray(found)[..., :3], 255 - PIXELS)


@pytest.mark.parametrize("layout", ["RGB", "BGR"])
def test_scale_and_bias_apply_in_the_order_of_the_layout(layout: str) -> None:
    bias = [-0.5, 0.25, 1.0]
    image = ct.ImageType("x", (1, 3, 4, 6), color_layout=ct.colorlayout[layout], scale=1 / 128, bias=bias)
    found = only(converted(lambda x: x * 1, image).predict({"x": Image.fromarray(PIXELS)}))
    ordered = PLANES if layout == "RGB" else PLANES[:, ::-1]
    np.testing.assert_allclose(found, ordered / 128 + np.array(bias, np.float32)[:, None, None], rtol=0, atol=1e-6)


def test_grayscale_images_of_bytes_and_of_halves() -> None:
    gray = Image.fromarray(PIXELS[..., 0])
    options = {"outputs": [ct.ImageType("y", color_layout=ct.colorlayout.GRAYSCALE)]}
    model = converted(
        lambda x: x / 2, ct.ImageType("x", (1, 1, 4, 6), color_layout=ct.colorlayout.GRAYSCALE), **options
    )
    found = model.predict({"x": gray})["y"]
    assert found.mode == "L"
    np.testing.assert_allclose(np.asarray(found, float), PIXELS[..., 0] / 2, rtol=0, atol=0.5)

    half = ct.colorlayout.GRAYSCALE_FLOAT16
    options = {"outputs": [ct.ImageType("y", color_layout=half)], "compute_precision": ct.precision.FLOAT16}
    model = converted(lambda x: x / 3, ct.ImageType("x", (1, 1, 4, 6), color_layout=half), **options)
    values = Image.fromarray(np.float32(PIXELS[..., 0]) / 255)
    found = model.predict({"x": values})["y"]
    assert found.mode == "F"
    wanted = np.float16(np.float32(np.float16(np.asarray(values))) * np.float32(np.float16(1 / 3)))
    np.testing.assert_allclose(np.asarray(found), wanted, rtol=2**-10)


@pytest.mark.parametrize("image", [Image.fromarray(PIXELS[..., 0]), Image.fromarray(PIXELS[:3]), PIXELS])
def test_another_mode_or_size_of_image_is_refused(image: object) -> None:
    model = converted(lambda x: x * 1, ct.ImageType("x", (1, 3, 4, 6)))
    with pytest.raises((RuntimeError, TypeError)):
        model.predict({"x": image})


@pytest.mark.parametrize("labels", [["cat", "dog", "owl"], [7, 40, 2]])
def test_a_classifier_gives_a_label_and_the_probability_of_each(labels: list[object]) -> None:
    config = ct.ClassifierConfig(labels, predicted_feature_name="label")
    model = converted(lambda x: torch.softmax(x, -1), ct.TensorType("x", (1, 3)), classifier_config=config)
    scores = np.array([[0.0, 2.0, 1.0]], np.float32)
    found = model.predict({"x": scores})
    (name,) = set(found) - {"label"}
    assert found["label"] == labels[1]
    assert type(found["label"]) is type(labels[1])
    assert list(found[name]) == labels
    np.testing.assert_allclose(list(found[name].values()), torch.softmax(torch.from_numpy(scores), -1)[0], rtol=1e-6)


def test_outputs_have_the_types_of_the_description() -> None:
    @mb.program(input_specs=[mb.TensorSpec((2,))], opset_version=ct.target.iOS16)
    def program(x: Any) -> Any:
        counts = mb.cast(x=x, dtype="int32", name="counts")
        return mb.cast(x=x, dtype="fp16", name="halves"), counts, mb.identity(x=x, name="floats")

    outputs = [
        ct.TensorType("halves", dtype=np.float16),
        ct.TensorType("counts", dtype=np.int32),
        ct.TensorType("floats"),
    ]
    model = ct.convert(
        program, outputs=outputs, minimum_deployment_target=ct.target.iOS16, compute_precision=ct.precision.FLOAT32
    )
    found = model.predict({"x": np.array([1.0001, -2.7], np.float32)})
    assert {name: each.dtype.name for name, each in found.items()} == {
        "halves": "float32",
        "counts": "int32",
        "floats": "float32",
    }
    assert found["halves"][0] == 1
    assert found["counts"].tolist() == [1, -2]


def test_bytes_come_in_and_go_out_at_the_newest_opset() -> None:
    @mb.program(input_specs=[mb.TensorSpec((3,), dtype=types.int8)], opset_version=ct.target.iOS26)
    def program(x: Any) -> Any:
        return mb.identity(x=x, name="same"), mb.cast(x=x, dtype="fp32", name="wide")

    model = ct.convert(program, minimum_deployment_target=ct.target.iOS26, compute_precision=ct.precision.FLOAT32)
    found = model.predict({"x": np.array([-128, 5, 127], np.int8)})
    assert (found["same"].dtype, found["same"].tolist()) == (np.int8, [-128, 5, 127])
    assert (found["wide"].dtype, found["wide"].tolist()) == (np.float32, [-128, 5, 127])


def pipeline() -> Any:
    first = converted(lambda x: x * 2, ct.TensorType("x", (2,)), outputs=[ct.TensorType("y")])
    second = converted(
        lambda y, b: y + b, ct.TensorType("y", (2,)), ct.TensorType("b", (2,)), outputs=[ct.TensorType("z")]
    )
    return ct.utils.make_pipeline(first, second)


def test_a_pipeline_runs_its_models_in_turn_and_again_after_saving(tmp_path: Path) -> None:
    model = pipeline()
    path = str(tmp_path / "pipeline.mlpackage")
    model.save(path)
    for each in (model, ct.models.MLModel(path)):
        found = each.predict({"x": np.array([1, 2], np.float32), "b": np.array([0.5, 0], np.float32)})
        assert {name: value.tolist() for name, value in found.items()} == {"z": [2.5, 4]}


def test_a_pipeline_refuses_what_it_does_not_take() -> None:
    model = pipeline()
    with pytest.raises(RuntimeError, match="'b' is missing"):
        model.predict({"x": np.array([1, 2], np.float32)})
    with pytest.raises(RuntimeError, match="a pipeline has no state"):
        model.make_state()


@pytest.mark.parametrize("kind", ["normalizer", "glmClassifier", "treeEnsembleClassifier", "wordTagger", "imputer"])
def test_other_types_of_models_are_refused_by_name(kind: str) -> None:
    spec = ct.proto.Model_pb2.Model(specificationVersion=4)
    getattr(spec, kind).SetInParent()
    with pytest.warns(RuntimeWarning, match=f"of type {kind}"):
        model = ct.models.MLModel(spec)
    with pytest.raises(RuntimeError, match=f"of type {kind}"):
        model.predict({})
