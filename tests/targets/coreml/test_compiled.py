"""Compiled models: those whose program is a text are read and verified, others are refused for what they are."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch import nn

import mlparity
from mlparity import api
from mlparity.core.errors import FormatError
from mlparity.core.words import Verdict
from mlparity.targets.coreml.compiled.mil_text import program_in
from mlparity.targets.coreml.compiled.tokens import number_in
from tests.targets.coreml.compiled import HEADS, compiled


class Net(nn.Module):
    """A convolution, a norm and a sum over a length that may vary."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.wide, self.norm = nn.Conv1d(3, 4, 3, padding=1), nn.BatchNorm1d(4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.relu(self.norm(self.wide(x))).sum(1) * 0.3


class Keeping(nn.Module):
    """Keeps a state."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("total", torch.zeros(1, 4, dtype=torch.float16))
        self.total: torch.Tensor

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.total.add_(x.half())
        return self.total.float() * 2


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Path]:
    import coremltools as ct

    folder = tmp_path_factory.mktemp("compiled")
    flexible = ct.Shape((1, 3, ct.RangeDim(2, 9, default=5)))
    listed = ct.EnumeratedShapes([(1, 3, 5), (1, 3, 7)])
    made = {}
    for name, module, shape, target, precision in (
        ("fixed", Net(), (1, 3, 5), "iOS15", "FLOAT16"),
        ("new", Net(), (1, 3, 5), "iOS18", "FLOAT16"),
        ("ranged", Net(), flexible, "iOS16", "FLOAT32"),
        ("listed", Net(), listed, "iOS17", "FLOAT32"),
        ("kept", Keeping(), (1, 4), "iOS18", "FLOAT32"),
    ):
        states = [ct.StateType(ct.TensorType(shape=(1, 4), dtype=np.float16), name="total")] if name == "kept" else []
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            example = torch.zeros(1, 4) if name == "kept" else torch.zeros(1, 3, 5)
            model = ct.convert(
                torch.jit.trace(module.eval(), example, check_trace=False),
                inputs=[ct.TensorType(name="x", shape=shape, dtype=np.float32)],
                outputs=[ct.TensorType(name="y", dtype=np.float32)],
                states=states or None,
                compute_precision=ct.precision[precision],
                minimum_deployment_target=ct.target[target],
                skip_model_load=True,
            )
        made[name] = folder / f"{name}.mlpackage"
        model.save(str(made[name]))
    return made


@pytest.mark.parametrize("dialect", list(HEADS))
@pytest.mark.parametrize("name", ["fixed", "new", "ranged", "listed"])
def test_a_compiled_program_gives_what_its_package_gives(
    name: str, dialect: str, packages: Mapping[str, Path], tmp_path: Path
) -> None:
    path = compiled(packages[name], tmp_path, dialect)
    random = np.random.default_rng(0)
    inputs = tmp_path / "inputs"
    inputs.mkdir()
    for length in (5,) if name in ("fixed", "new") else (5, 7):
        np.savez(inputs / f"{length}.npz", x=random.standard_normal((1, 3, length)).astype(np.float32))
    found = {}
    for one in (path, packages[name]):
        api.run_artifact(one, str(inputs), tmp_path / "o.npz")
        with np.load(tmp_path / "o.npz") as saved:
            found[one] = {key: saved[key] for key in saved.files if key != "mlparity.json"}
    assert found[path].keys() == found[packages[name]].keys()
    for key, array in found[packages[name]].items():
        np.testing.assert_array_equal(found[path][key], array)
    shown, own = (api.inspect_artifact(each) for each in (path, packages[name]))
    assert (shown.inputs, shown.outputs, shown.sizes, shown.ops) == (own.inputs, own.outputs, own.sizes, own.ops)


def test_it_is_verified_with_its_state_too(packages: Mapping[str, Path], tmp_path: Path) -> None:
    samples = [{"x": np.linspace(-1, index, 15, dtype=np.float32).reshape(1, 3, 5)} for index in range(3)]
    options = api.VerifyOptions(
        artifacts=(compiled(packages["fixed"], tmp_path, "1.0"),), settings=api.settings_from(["fp16/CPU_ONLY"])
    )
    record = mlparity.verify(Net().eval(), tmp_path / "out", samples, "task", options)
    assert record.verdict is Verdict.PASS
    assert record.artifacts[0].options["taken from"] == "fixed.mlmodelc"
    kept = api.inspect_artifact(compiled(packages["kept"], tmp_path, "1.3"))
    assert [spec.name for spec in kept.states] == ["total"]


def _without(name: str) -> object:
    return lambda path: (path / name).unlink()


def _with(name: str) -> object:
    return lambda path: (path / name).write_bytes(b"x")


def _replaced(old: str, new: str) -> object:
    def change(path: Path) -> None:
        text = (path / "model.mil").read_text()
        assert old in text
        (path / "model.mil").write_text(text.replace(old, new))

    return change


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (_without("model.mil"), "no model.mil"),
        (_without("metadata.json"), "no metadata.json"),
        (_without("weights/weight.bin"), "no weight file"),
        (_with("model.espresso.net"), "Espresso"),
        (_with("model0"), "a pipeline"),
        (_replaced("<ios15>", "<ios99>"), "unknown opset"),
        (_replaced("@model_path/weights/weight.bin", "@model_path/weights/../../secret"), "no weight file"),
        (_replaced("relu(", "%("), "%"),
        (_replaced("func main", "func other"), "main, can be read"),
    ],
)
def test_what_cannot_be_read_is_refused_by_its_reason(
    change: object, words: str, packages: Mapping[str, Path], tmp_path: Path
) -> None:
    path = compiled(packages["fixed"], tmp_path, "1.0")
    change(path)  # type: ignore[operator]
    with pytest.raises(FormatError, match="compiled cannot be read") as raised:
        api.inspect_artifact(path)
    assert words in raised.value.found


@pytest.mark.parametrize(
    ("about", "words"),
    [
        ({"type": "Image"}, "the type Image"),
        ({"isOptional": "1"}, "a default value"),
        ({"shape": "[1, 3, 6]"}, "in metadata.json and"),
    ],
)
def test_inputs_that_the_folder_does_not_tell_are_refused(
    about: dict[str, str], words: str, packages: Mapping[str, Path], tmp_path: Path
) -> None:
    known = {"name": "x", "type": "MultiArray", "isOptional": "0", "dataType": "Float32", "shape": "[1, 3, 5]"}
    path = compiled(packages["fixed"], tmp_path, "1.0", {"inputSchema": [known | about]})
    with pytest.raises(FormatError, match="compiled cannot be read") as raised:
        api.inspect_artifact(path)
    assert words in raised.value.found


def test_what_the_compiler_says_of_shapes_is_passed_over() -> None:
    """The form in which Core ML's compiler notes flexible shapes, behind a function's inputs."""
    text = (
        f"{HEADS['1.0']} {{ func main<ios17>(tensor<int32, [1, ?]> ids)"
        " [FlexibleShapeInformation = tuple<tuple<tensor<string, []>, dict<tensor<string, []>, tensor<int32, [?]>>>>"
        '((("DefaultShapes", {{"ids", [1, 64]}}), ("RangeDims", {{"ids", [[1, 1], [1, 512]]}})))] {'
        ' tensor<int32, [1, ?]> y = abs(x = ids)[name = tensor<string, []>("a")]; } -> (y); }'
    )
    function = program_in(text).functions["main"]
    assert [op.type for op in function.block_specializations["CoreML7"].operations] == ["abs"]


def test_an_op_with_blocks_is_refused() -> None:
    text = (
        f"{HEADS['1.3']} {{ func main<ios18>(bool p) {{"
        ' bool y = cond(pred = p)[name = string("c")](block0() {} -> (p)); } -> (y); }'
    )
    with pytest.raises(ValueError, match="blocks inside"):
        program_in(text)


@pytest.mark.parametrize(
    ("word", "value"),
    [
        ("0x1p+0", 1.0),
        ("-0x1.8p-1", -0.75),
        ("0x1.fbp+5", 63.375),
        ("7", 7),
        ("-2.5e-3", -0.0025),
        ("inf", float("inf")),
    ],
)
def test_numbers(word: str, value: float) -> None:
    assert number_in(word) == value


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_damaged_text_is_refused_or_read(
    data: st.DataObject, packages: Mapping[str, Path], tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = compiled(packages["new"], tmp_path_factory.mktemp("damaged"), "1.3")
    text = (path / "model.mil").read_text()
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(text) - 1))
        text = (
            text[:at]
            + data.draw(st.sampled_from(["", "(", ")", "<", "]", '"', "?", "9", "x", "\x00"]))
            + text[at + 1 :]
        )
    (path / "model.mil").write_text(text)
    with suppress(FormatError):
        api.inspect_artifact(path)
