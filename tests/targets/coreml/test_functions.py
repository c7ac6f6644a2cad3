"""Packages with several functions: each is verified, run, compared, located in and inspected by its name."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn
from typer.testing import CliRunner

import mlparity
from mlparity import api
from mlparity.cli.app import app
from mlparity.core.errors import FormatError
from mlparity.core.words import Precision, Verdict
from mlparity.record.outputs import read_header
from mlparity.targets.artifacts import kind_of

SAMPLES = [{"x": np.linspace(-1, 1 + index, 8, dtype=np.float32).reshape(2, 4)} for index in range(3)]


class Scaled(nn.Module):
    """A layer whose weights depend on a number."""

    def __init__(self, factor: float) -> None:
        super().__init__()
        self.layer = nn.Linear(4, 3)
        with torch.no_grad():
            self.layer.weight.copy_(torch.linspace(-1, 1, 12).reshape(3, 4) * factor)
            self.layer.bias.copy_(torch.tensor([0.5, -0.25, factor]))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.relu(self.layer(x))


class Wider(nn.Module):
    """Another interface beside the others: two inputs."""

    def forward(self, a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
        return a * b + 1


@pytest.fixture(scope="module")
def several(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A package made by coremltools: `prefill` in fp16 (the default), `decode` in fp32, `wide` with two inputs."""
    import coremltools as ct

    folder = tmp_path_factory.mktemp("functions")
    made = ct.utils.MultiFunctionDescriptor()
    for name, module, shapes, precision in (
        ("prefill", Scaled(1.0), {"x": (2, 4)}, "FLOAT16"),
        ("decode", Scaled(2.0), {"x": (2, 4)}, "FLOAT32"),
        ("wide", Wider(), {"a": (2, 4), "b": (2, 4)}, "FLOAT32"),
    ):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            script = torch.jit.trace(module.eval(), tuple(torch.zeros(shape) for shape in shapes.values()))
            model = ct.convert(
                script,
                inputs=[ct.TensorType(name=each, shape=shape, dtype=np.float32) for each, shape in shapes.items()],
                outputs=[ct.TensorType(name="y", dtype=np.float32)],
                compute_precision=ct.precision[precision],
                minimum_deployment_target=ct.target.iOS18,
                skip_model_load=True,
            )
        model.save(str(folder / f"{name}.mlpackage"))
        made.add_function(str(folder / f"{name}.mlpackage"), "main", name)
    made.default_function_name = "prefill"
    ct.utils.save_multifunction(made, str(folder / "several.mlpackage"))
    return folder / "several.mlpackage"


@pytest.mark.parametrize(("function", "factor", "setting"), [("prefill", 1.0, "fp16/ALL"), ("decode", 2.0, "fp32/ALL")])
def test_a_function_is_verified_by_its_name(
    function: str, factor: float, setting: str, several: Path, tmp_path: Path
) -> None:
    options = api.VerifyOptions(artifacts=(several,), function=function, settings=api.settings_from([setting]))
    record = mlparity.verify(Scaled(factor).eval(), tmp_path / "out", SAMPLES, "task", options)
    assert record.verdict is Verdict.PASS
    (artifact,) = record.artifacts
    assert artifact.options["function"] == function
    assert artifact.options["taken from"] == "several.mlpackage"
    assert any("were not" in note and "wide" in note for note in record.source.notes)


def test_another_function_of_the_same_file_fails(several: Path, tmp_path: Path) -> None:
    options = api.VerifyOptions(artifacts=(several,), function="decode", settings=api.settings_from(["fp32/ALL"]))
    assert mlparity.verify(Scaled(1.0).eval(), tmp_path / "out", SAMPLES, "task", options).verdict is Verdict.FAIL


def test_without_a_name_the_default_function_is_verified(several: Path, tmp_path: Path) -> None:
    options = api.VerifyOptions(artifacts=(several,), settings=api.settings_from(["fp16/CPU_ONLY"]))
    record = mlparity.verify(Scaled(1.0).eval(), tmp_path / "out", SAMPLES, "task", options)
    assert record.verdict is Verdict.PASS
    assert record.artifacts[0].options["function"] == "prefill"


def test_the_kind_is_the_function_s_own(several: Path) -> None:
    kinds = {name: kind_of(several, name)[1] for name in ("prefill", "decode", "")}
    assert kinds == {"prefill": Precision.FP16, "decode": Precision.FP32, "": Precision.FP16}


def _saved(several: Path, folder: Path) -> str:
    inputs = folder / "inputs"
    inputs.mkdir()
    for number, sample in enumerate(SAMPLES):
        np.savez(inputs / f"{number}.npz", **sample)  # type: ignore[arg-type]
    return str(inputs)


def test_functions_are_run_and_compared(several: Path, tmp_path: Path) -> None:
    inputs = _saved(several, tmp_path)
    assert api.run_artifact(several, inputs, tmp_path / "decode.npz", function="decode") == 3
    with torch.no_grad():
        wanted = [Scaled(2.0)(torch.from_numpy(sample["x"])).numpy() for sample in SAMPLES]
    with np.load(tmp_path / "decode.npz") as saved:
        found = [saved[f"{number}.npz/y"] for number in range(3)]
    for one, other in zip(wanted, found, strict=True):
        np.testing.assert_allclose(other, one, rtol=1e-5, atol=1e-6)

    def verdict(first: Path, second: Path, functions: tuple[str, str]) -> Verdict:
        return mlparity.compare_outputs(first, second, "task", inputs, functions=functions)[1].verdict

    assert verdict(tmp_path / "decode.npz", several, ("", "decode")) is Verdict.PASS
    assert verdict(several, several, ("prefill", "decode")) is Verdict.FAIL
    assert verdict(several, several.parent / "decode.mlpackage", ("decode", "main")) is Verdict.PASS


def test_it_is_located_in(several: Path) -> None:
    options = api.VerifyOptions(function="decode")
    cause = api.locate(several, SAMPLES, Scaled(2.0).eval(), options=options)
    assert cause.kind == "none"
    assert api.locate(several, SAMPLES, Scaled(1.5).eval(), options=options).kind != "none"


def test_it_is_inspected_whole_and_by_function(several: Path) -> None:
    whole = api.inspect_artifact(several)
    assert whole.facts["functions"] == "decode, prefill, wide"
    wide = api.inspect_artifact(several, "wide")
    assert [spec.name for spec in wide.inputs] == ["a", "b"]
    assert wide.path == several
    assert {op.op for op in api.inspect_placement(several, "M4", "wide")} == {"mul", "add"}


def _refusals(path: Path, folder: Path) -> Mapping[str, object]:
    unknown = api.VerifyOptions(artifacts=(path,), function="nowhere")
    inputs = _saved(path, folder)
    return {
        "verify": lambda: mlparity.verify(Scaled(1.0).eval(), folder / "out", SAMPLES, "task", unknown),
        "run": lambda: api.run_artifact(path, inputs, folder / "x.npz", function="nowhere"),
        "compare": lambda: mlparity.compare_outputs(path, path, "task", inputs, functions=("nowhere", "decode")),
        "locate": lambda: api.locate(path, SAMPLES, options=unknown),
        "inspect": lambda: api.inspect_artifact(path, "nowhere"),
        "placement": lambda: api.inspect_placement(path, "M4", "nowhere"),
    }


@pytest.mark.parametrize("command", ["verify", "run", "compare", "locate", "inspect", "placement"])
def test_an_unknown_function_is_refused_with_the_names_of_all(command: str, several: Path, tmp_path: Path) -> None:
    call = _refusals(several, tmp_path)[command]
    with pytest.raises(FormatError, match="no function 'nowhere'") as raised:
        call()  # type: ignore[operator]
    assert raised.value.expected == "prefill, decode, wide"
    assert not (tmp_path / "out").exists()


def test_a_function_of_a_file_of_one_model_is_refused_unless_it_is_main(several: Path, tmp_path: Path) -> None:
    lone = several.parent / "decode.mlpackage"
    assert api.inspect_artifact(lone, "main").kind == "ML Program"
    with pytest.raises(FormatError, match="no function 'decode'"):
        api.inspect_artifact(lone, "decode")
    (tmp_path / "x.tflite").write_bytes(b"TFL3")
    with pytest.raises(FormatError, match="a format of one model"):
        api.inspect_artifact(tmp_path / "x.tflite", "main")


def test_a_function_named_like_a_path_stays_in_its_folder(several: Path, tmp_path: Path) -> None:
    import shutil

    from mlparity.core.mlpackage import find_package
    from mlparity.engine.mil.spec import parse_spec

    strange = tmp_path / "strange.mlpackage"
    shutil.copytree(several, strange)
    spec = find_package(strange).spec
    message = parse_spec(spec)
    for described in message.description.functions:
        if described.name == "decode":
            described.name = "../../decode"
    message.mlProgram.functions["../../decode"].CopyFrom(message.mlProgram.functions.pop("decode"))
    spec.write_bytes(message.SerializeToString())
    assert api.run_artifact(strange, _saved(strange, tmp_path), tmp_path / "o.npz", function="../../decode") == 3


def test_the_command_line_names_functions(several: Path, tmp_path: Path) -> None:
    inputs = _saved(several, tmp_path)
    run = ["run", str(several), "--inputs", inputs, "--out", str(tmp_path / "o.npz"), "--function", "prefill"]
    assert CliRunner().invoke(app, run, catch_exceptions=False).exit_code == 0
    pair = ["compare", str(several), str(several), "--inputs", inputs, "--policy", "task"]
    names = ["--function", "prefill", "--function", "prefill"]
    assert "pass" in CliRunner().invoke(app, [*pair, *names], catch_exceptions=False).output
    more = CliRunner().invoke(app, [*pair, *names, "--function", "x"])
    assert (more.exit_code, "more than twice" in more.output) == (2, True)
    assert "a " in CliRunner().invoke(app, ["inspect", str(several), "--function", "wide"]).output


def test_an_assertion_takes_the_settings_of_the_function(several: Path) -> None:
    options = api.VerifyOptions(function="decode")
    record = mlparity.assert_parity(Scaled(2.0).eval(), SAMPLES, artifact=several, policy="task", options=options)
    assert {str(row.setting.precision) for row in record.settings} == {"fp32"}


def test_a_function_that_was_run_is_known_by_the_hash_that_its_record_has(several: Path, tmp_path: Path) -> None:
    api.run_artifact(several, _saved(several, tmp_path), tmp_path / "o.npz", function="decode")
    options = api.VerifyOptions(artifacts=(several,), function="decode", settings=api.settings_from(["fp32/ALL"]))
    record = mlparity.verify(Scaled(2.0).eval(), tmp_path / "out", SAMPLES, "task", options)
    assert read_header(tmp_path / "o.npz").artifact_sha256 == record.artifacts[0].sha256
