"""A conversion to Core ML: types, names, options, failures, and the file that it writes."""

from __future__ import annotations

import copy
import errno
import warnings
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from mlparity.core.errors import ConversionError, InputError, OutputError, SourceError
from mlparity.core.image_input import ColourLayout, ImageInput
from mlparity.core.lengths import FlexibleDim
from mlparity.core.session import Outputs, Sample
from mlparity.core.source import Source
from mlparity.core.words import ComputeUnit, Precision
from mlparity.sessions.checked import run_checked
from mlparity.targets.coreml import session as coreml_backend
from mlparity.targets.coreml.convert import (
    Conversion,
    CoremlOptions,
    Frontend,
    convert,
    save,
)
from mlparity.targets.coreml.quiet_coremltools import quiet
from tests.loading import load_source
from tests.targets.networks import SAMPLE, Net

IMAGE = {"image": np.random.default_rng(0).integers(0, 256, (1, 3, 8, 8)).astype(np.float32)}
FLOAT, INTEGER = 65568, 131104
"""`ArrayFeatureType.ArrayDataType`. Source: coremltools 9.0, FeatureTypes.proto."""


class Small(nn.Module):
    """A convolution, a norm with statistics, an activation, and a linear layer."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.conv, self.norm, self.head = nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Linear(4, 2)

    def forward(self, image: Tensor) -> Tensor:
        return self.head(F.softmax(F.relu(self.norm(self.conv(image))), dim=1).mean((2, 3)))


def small() -> Source:
    return load_source(Small().eval(), IMAGE)


def run(conversion: Conversion, sample: Sample, folder: Path) -> Outputs:
    save(conversion, folder / "model.mlpackage")
    with coreml_backend.open_package(folder / "model.mlpackage", ComputeUnit.CPU_ONLY) as session:
        return run_checked(session, sample)


def float_types(conversion: Conversion) -> dict[str, set[str]]:
    """Return the floating types of each op type's results in the program."""
    found: dict[str, set[str]] = {}
    for op in conversion.model._mil_program.functions["main"].operations:
        for output in op.outputs:
            name = getattr(output.dtype, "__name__", "")
            if name in ("fp16", "fp32"):
                found.setdefault(op.op_type, set()).add(name)
    return found


def test_an_fp32_program_is_fp32_all_over() -> None:
    made = convert(small(), IMAGE)
    assert set().union(*float_types(made).values()) == {"fp32"}
    assert (made.frontend, made.attempts) == (Frontend.TRACE, ())
    assert made.seconds > 0


def test_an_fp16_program_computes_in_fp16_between_fp32_inputs_and_outputs() -> None:
    made = convert(small(), IMAGE, CoremlOptions(precision=Precision.FP16))
    assert float_types(made)["conv"] == {"fp16"}
    description = made.model.get_spec().description
    assert [each.type.multiArrayType.dataType for each in (*description.input, *description.output)] == [FLOAT, FLOAT]


def test_names_and_types_are_the_source_s_with_64_bits_narrowed(tmp_path: Path) -> None:
    source = load_source(Net().eval(), SAMPLE)
    made = convert(source, SAMPLE)
    description = made.model.get_spec().description
    assert tuple(each.name for each in description.input) == source.input_names
    assert tuple(each.name for each in description.output) == source.output_names
    assert [each.type.multiArrayType.dataType for each in description.input] == [FLOAT, FLOAT, INTEGER]
    outputs = run(made, SAMPLE, tmp_path)
    np.testing.assert_array_equal(outputs["again"], outputs["twice"])
    np.testing.assert_array_equal(outputs["ids_out"], SAMPLE["ids"] + 1)


@pytest.mark.parametrize("frontend", Frontend)
def test_an_input_or_a_constant_given_out_keeps_its_own_name(frontend: Frontend, tmp_path: Path) -> None:
    class Given(nn.Module):
        def forward(self, x: Tensor) -> dict[str, Tensor]:
            return {"same": x, "mask": x > 0, "fixed": torch.ones(3), "total": x.sum(), "once_more": x}

    sample = {"x": np.array([[1.0, -2.0]], np.float32)}
    outputs = run(
        convert(load_source(Given().eval(), sample), sample, CoremlOptions(frontends=(frontend,))), sample, tmp_path
    )
    assert list(outputs) == ["same", "mask", "fixed", "total", "once_more"]
    np.testing.assert_array_equal(outputs["once_more"], sample["x"])
    np.testing.assert_array_equal(outputs["mask"], [[1, 0]])
    np.testing.assert_array_equal(outputs["fixed"], [1, 1, 1])
    assert outputs["total"].item() == -1


@pytest.mark.parametrize(
    ("array", "dtype"),
    [
        (np.array([[True, False]]), INTEGER),
        (np.array([[3, 4]], np.uint8), INTEGER),
        (np.array([[3, 4]], np.int16), INTEGER),
        (np.array([[0.5, 4]], np.float64), FLOAT),
        (np.array([[0.5, 4]], np.float16), 65552),
    ],
    ids=lambda value: str(getattr(value, "dtype", "")),
)
def test_an_input_of_any_type_enters_as_one_that_core_ml_has(array: np.ndarray, dtype: int) -> None:
    class Doubled(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return torch.where(x, 2.0, 0.5) if x.dtype is torch.bool else x * 2.0

    sample = {"x": array}
    made = convert(load_source(Doubled().eval(), sample), sample)
    assert made.model.get_spec().description.input[0].type.multiArrayType.dataType == dtype


def test_a_scalar_enters_as_a_vector_of_one() -> None:
    class Scaled(nn.Module):
        def forward(self, x: Tensor, factor: Tensor) -> Tensor:
            return x * factor

    sample = {"x": np.ones((2, 2), np.float32), "factor": np.array(3.0, np.float32)}
    made = convert(load_source(Scaled().eval(), sample), sample)
    assert list(made.model.get_spec().description.input[1].type.multiArrayType.shape) == [1]


def test_the_lowest_target_is_taken_where_none_is_asked_for() -> None:
    assert convert(small(), IMAGE).options["deployment_target"] == "iOS16"
    made = convert(small(), IMAGE, CoremlOptions(deployment_target="macOS14"))
    assert made.model.get_spec().specificationVersion == 8


def test_a_user_s_lowering_is_used_and_may_demand_a_newer_target() -> None:
    class Inverse(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return torch.erfinv(x)

    with quiet():
        from coremltools.converters.mil import Builder as mb
        from coremltools.converters.mil.frontend.torch.ops import _get_inputs
        from coremltools.converters.mil.frontend.torch.torch_op_registry import _TORCH_OPS_REGISTRY, register_torch_op

        def erfinv(context: Any, node: Any) -> None:
            (x,) = _get_inputs(context, node)
            context.add(mb.slice_update(x=x, update=x, begin=[0, 0], end=[1, 3], name=node.name))

        register_torch_op(erfinv)
    sample = {"x": np.array([[0.3, 0.1, 0.2]], np.float32)}
    try:
        made = convert(load_source(Inverse().eval(), sample), sample)
    finally:
        del _TORCH_OPS_REGISTRY.name_to_func_mapping["erfinv"]
    assert made.options["deployment_target"] == "iOS18", "the first with slice_update"


def test_an_unknown_target_is_named_with_the_known_ones() -> None:
    with pytest.raises(ConversionError, match=r"'iOS3'(.|\n)*iOS16"):
        convert(small(), IMAGE, CoremlOptions(deployment_target="iOS3"))


def keeps_linear(op: object) -> bool:
    return getattr(op, "op_type", "") == "linear"


@pytest.mark.parametrize(
    ("entry", "kept"),
    [
        ("softmax", "softmax"),
        ("output", "linear"),
        (keeps_linear, "linear"),
        ("tests.targets.coreml.test_convert:keeps_linear", "linear"),
    ],
)
def test_selected_ops_stay_fp32_under_fp16(entry: object, kept: str) -> None:
    options = CoremlOptions(precision=Precision.FP16, fp32_ops=(entry,))  # type: ignore[arg-type]
    made = convert(small(), IMAGE, options)
    types = float_types(made)
    assert types[kept] == {"fp32"}
    assert types["conv"] == {"fp16"}
    assert made.options["fp32_ops"]


def test_an_op_selector_that_is_not_there_is_an_error() -> None:
    options = CoremlOptions(precision=Precision.FP16, fp32_ops=("tests.targets.coreml.test_convert:absent",))
    with pytest.raises(ConversionError, match="absent"):
        convert(small(), IMAGE, options)


def test_an_image_input_has_scale_bias_and_layout(tmp_path: Path) -> None:
    image = ImageInput(scale=1 / 127.5, bias=(-1.0, -0.5, -2.0), layout=ColourLayout.BGR)
    made = convert(small(), IMAGE, CoremlOptions(images={"image": image}))
    feature = made.model.get_spec().description.input[0].type
    assert feature.WhichOneof("Type") == "imageType"
    assert feature.imageType.ColorSpace.Name(feature.imageType.colorSpace) == "BGR"
    found = run(made, IMAGE, tmp_path)["output"]
    bias = torch.tensor(image.bias).reshape(1, 3, 1, 1)
    with torch.no_grad():
        (wanted,) = small().module(torch.from_numpy(IMAGE["image"]).flip(1) / 127.5 + bias)  # type: ignore[operator]
    np.testing.assert_allclose(found, wanted.numpy(), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("frontend", [Frontend.TRACE, Frontend.EXPORT])
def test_a_flexible_dimension_takes_other_sizes(frontend: Frontend, tmp_path: Path) -> None:
    options = CoremlOptions(flexible={"image": {2: FlexibleDim(6, 12)}}, frontends=(frontend,))
    made = convert(small(), IMAGE, options)
    assert made.options["flexible"] == "image[2] 6..12"
    other = {"image": np.random.default_rng(1).standard_normal((1, 3, 11, 8)).astype(np.float32)}
    found = run(made, other, tmp_path)["output"]
    with torch.no_grad():
        (wanted,) = small().module(torch.from_numpy(other["image"]))  # type: ignore[operator]
    np.testing.assert_allclose(found, wanted.numpy(), rtol=1e-5, atol=1e-6)


def test_a_flexible_dimension_is_exported_before_it_is_traced() -> None:
    made = convert(small(), IMAGE, CoremlOptions(flexible={"image": {2: FlexibleDim(6, 12)}}))
    assert made.frontend is Frontend.EXPORT


@pytest.mark.parametrize(
    "options",
    [
        CoremlOptions(images={"picture": ImageInput()}),
        CoremlOptions(flexible={"image": {4: FlexibleDim(1, 2)}}),
        CoremlOptions(images={"image": ImageInput(layout=ColourLayout.GRAYSCALE)}),
        CoremlOptions(images={"image": ImageInput(bias=(1.0, 2.0))}),
    ],
)
def test_an_option_that_does_not_fit_the_inputs_is_an_error(options: CoremlOptions) -> None:
    with pytest.raises(InputError):
        convert(small(), IMAGE, options)


def test_a_module_in_training_mode_is_converted_in_eval_mode_when_asked() -> None:
    source = small()
    module = source.module
    assert isinstance(module, nn.Module)
    module.train()
    with pytest.raises(SourceError, match="training mode"):
        convert(source, IMAGE)
    made = convert(source, IMAGE, CoremlOptions(eval_mode=True))
    assert "batch_norm" not in float_types(made), "a norm with fixed statistics is folded into the convolution"
    assert module.training, "the user's module stays as it was"


SAVED = [
    *(("pt2", frontend) for frontend in Frontend),
    # torch.export refuses the parameters of TorchScript.
    *(("torchscript", frontend) for frontend in (Frontend.TRACE, Frontend.RUN)),
]


@pytest.mark.parametrize(("kind", "frontend"), SAVED)
def test_a_saved_program_is_converted(kind: str, frontend: Frontend, tmp_path: Path) -> None:
    example = (torch.from_numpy(IMAGE["image"]),)
    path = tmp_path / f"saved.{'pt2' if kind == 'pt2' else 'pt'}"
    if kind == "pt2":
        torch.export.save(torch.export.export(Small().eval(), example), path)
    else:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # users still have such files
            torch.jit.trace(Small().eval(), example).save(str(path))
    source = load_source(str(path), IMAGE)
    assert source.kind == kind
    found = run(convert(source, IMAGE, CoremlOptions(frontends=(frontend,))), IMAGE, tmp_path)["output"]
    with torch.no_grad():
        wanted = Small().eval()(*example)
    np.testing.assert_allclose(found, wanted.numpy(), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("frontend", Frontend)
def test_the_user_s_module_is_left_as_it_was(frontend: Frontend) -> None:
    class Keeps(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.weight = nn.Parameter(torch.ones(2))
            self.kept: Tensor | None = None

        def forward(self, x: Tensor) -> Tensor:
            self.kept = x * self.weight
            return self.kept + 1

    module, sample = Keeps().eval(), {"x": np.ones((1, 2), np.float32)}
    source = load_source(module, sample)
    before = copy.deepcopy(module.state_dict())
    seen = module.kept
    try:
        convert(source, sample, CoremlOptions(frontends=(frontend,)))
    except ConversionError:
        assert frontend is not Frontend.TRACE, "an export may refuse a module that keeps tensors"
    assert module.kept is seen
    assert all(torch.equal(value, before[name]) for name, value in module.state_dict().items())


def test_an_fp16_source_is_converted_in_fp32() -> None:
    source = small()
    module = source.module
    assert isinstance(module, nn.Module)
    module.half()
    assert set().union(*float_types(convert(source, IMAGE)).values()) == {"fp32"}


class Unknown(nn.Module):
    """Ends in an op that neither coremltools nor a decomposition of PyTorch knows."""

    def __init__(self) -> None:
        super().__init__()
        self.part = nn.Sequential(nn.Linear(2, 2), Sorted())

    def forward(self, x: Tensor) -> Tensor:
        return self.part(x)


class Sorted(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return torch.linalg.eigvalsh(x)


def test_a_failure_names_the_op_its_place_and_the_next_step() -> None:
    sample = {"x": np.eye(2, dtype=np.float32)}
    with pytest.raises(ConversionError) as raised:
        convert(load_source(Unknown().eval(), sample), sample)
    text = str(raised.value)
    assert "eigvalsh" in text or "eigh" in text
    assert "part.1" in text
    assert all(f"{each}: failed" in text for each in Frontend), "each route says why it failed"
    assert raised.value.next_step


def test_nothing_is_said_on_the_terminal(capfd: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    made = convert(small(), IMAGE, CoremlOptions(precision=Precision.FP16))
    save(made, tmp_path / "model.mlpackage")
    with pytest.raises(ConversionError):
        convert(load_source(Unknown().eval(), {"x": np.eye(2, dtype=np.float32)}), {"x": np.eye(2, dtype=np.float32)})
    assert capfd.readouterr() == ("", "")


def test_saving_replaces_what_was_there(tmp_path: Path) -> None:
    made, path = convert(small(), IMAGE), tmp_path / "model.mlpackage"
    path.mkdir()
    (path / "stale").write_text("")
    save(made, path)
    save(made, path)
    assert [each.name for each in tmp_path.iterdir()] == ["model.mlpackage"]
    assert not (path / "stale").exists()
    assert (path / "Manifest.json").exists()


def test_no_space_is_an_error_that_leaves_nothing_behind(tmp_path: Path) -> None:
    def full(path: str) -> None:
        (Path(path) / "Data").mkdir(parents=True)
        raise OSError(errno.ENOSPC, "No space left on device")

    made = Conversion(SimpleNamespace(save=full), Frontend.TRACE, ())
    path = tmp_path / "model.mlpackage"
    path.mkdir()
    (path / "old").write_text("")
    with pytest.raises(OutputError, match="No space left"):
        save(made, path)
    assert [each.name for each in tmp_path.iterdir()] == ["model.mlpackage"]
    assert (path / "old").exists()


def test_a_folder_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError):
        save(convert(small(), IMAGE), tmp_path / "file" / "model.mlpackage")
