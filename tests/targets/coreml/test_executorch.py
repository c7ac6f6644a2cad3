"""Programs of ExecuTorch that it made on Linux: taken apart, verified, and refused where one cannot be compared."""

from __future__ import annotations

import importlib.util
import json
import struct
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch import nn
from typer.testing import CliRunner

import mlparity
from mlparity import api
from mlparity.cli.app import app
from mlparity.core.errors import FormatError, MlparityError
from mlparity.core.words import Verdict
from mlparity.targets.coreml.executorch.folders import unfold
from mlparity.targets.coreml.executorch.program import read_pte
from tests.targets.coreml.executorch_programs import FOLDER, MAKERS, Counting, Ids, TwoInputs

PAIRS = [
    {
        "late": np.linspace(-1, 1 + index, 6, dtype=np.float32).reshape(2, 3),
        "early": np.linspace(-2, 2 - index, 8, dtype=np.float32).reshape(2, 4),
    }
    for index in range(3)
]


def _verified(
    name: str, source: nn.Module, samples: Any, out: Path, setting: str, function: str = ""
) -> mlparity.Record:
    options = api.VerifyOptions(
        artifacts=(FOLDER / f"{name}.pte",), function=function, settings=api.settings_from([setting])
    )
    return mlparity.verify(source.eval(), out, samples, "task", options)


@pytest.mark.parametrize(
    ("name", "function", "factor", "setting"),
    [
        ("whole", "", 1.0, "fp16/ALL"),
        ("whole", "forward", 1.0, "fp16/CPU_ONLY"),
        ("in_fp32", "", 1.0, "fp32/ALL"),
        ("methods", "first", 1.0, "fp16/ALL"),
        ("methods", "second", 2.0, "fp16/ALL"),
    ],
)
def test_a_method_is_verified(name: str, function: str, factor: float, setting: str, tmp_path: Path) -> None:
    record = _verified(name, TwoInputs(factor), PAIRS, tmp_path / "out", setting, function)
    assert record.verdict is Verdict.PASS
    assert record.artifacts[0].options["taken from"] == f"{name}.pte"
    assert (record.source.notes != ()) == (name == "methods")


@pytest.mark.parametrize(("name", "function", "factor"), [("whole", "", 1.1), ("methods", "second", 1.0)])
def test_another_model_fails(name: str, function: str, factor: float, tmp_path: Path) -> None:
    record = _verified(name, TwoInputs(factor), PAIRS, tmp_path / "out", "fp16/CPU_ONLY", function)
    assert record.verdict is Verdict.FAIL


def test_inputs_and_outputs_stand_in_the_order_of_the_method() -> None:
    found = api.inspect_artifact(FOLDER / "whole.pte")
    assert [spec.name for spec in found.inputs] == ["late", "early"]
    assert [spec.shape for spec in found.outputs] == [(2, 6), (2, 3)]


def test_names_that_are_not_the_source_s_are_matched_by_order(tmp_path: Path) -> None:
    class Renamed(TwoInputs):
        def forward(self, one: torch.Tensor, two: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
            return super().forward(one, two)

    samples = [{"one": each["late"], "two": each["early"]} for each in PAIRS]
    assert _verified("in_fp32", Renamed(), samples, tmp_path / "out", "fp32/CPU_ONLY").verdict is Verdict.PASS


def test_whole_numbers_and_a_state(tmp_path: Path) -> None:
    ids = [{"ids": np.arange(10, dtype=np.int64).reshape(2, 5) * index % 10} for index in (1, 3)]
    assert _verified("ids", Ids(), ids, tmp_path / "ids", "fp16/CPU_ONLY").verdict is Verdict.PASS
    steps = [[{"x": np.full((1, 4), 0.5 + index, np.float32)} for index in range(3)]]
    record = _verified("state", Counting(), steps, tmp_path / "state", "fp32/CPU_ONLY")
    assert record.verdict is Verdict.PASS


def test_a_part_of_a_method_is_run_and_not_verified(tmp_path: Path) -> None:
    path = FOLDER / "parts.pte"
    with pytest.raises(FormatError, match="several Core ML models") as raised:
        api.inspect_artifact(path)
    assert raised.value.found == "forward/0, forward/1"
    assert [spec.name for spec in api.inspect_artifact(path, "forward/0").inputs] == ["x"]
    np.savez(tmp_path / "sample.npz", x=np.linspace(-1, 1, 8, dtype=np.float32).reshape(2, 4))
    assert api.run_artifact(path, str(tmp_path / "sample.npz"), tmp_path / "o.npz", function="forward/0") == 1
    with np.load(tmp_path / "o.npz") as saved:
        found = next(saved[name] for name in saved.files if name != "mlparity.json")
    x = torch.linspace(-1, 1, 8).reshape(2, 4)
    np.testing.assert_allclose(found, torch.erf(torch.relu(x) * 2).numpy(), atol=2e-3)
    samples = [{"x": x.numpy()}]
    for function in ("forward/0", "forward/1"):
        with pytest.raises(FormatError, match="a part of what the file runs") as refused:
            _verified("parts", nn.ReLU(), samples, tmp_path / "out", "fp16/ALL", function)
        assert "aten::cumsum.out" in refused.value.found
    with pytest.raises(FormatError, match="a part of what the file runs"):
        api.locate(path, samples, nn.ReLU(), options=api.VerifyOptions(function="forward/0"))


def test_a_program_without_core_ml_is_refused_for_what_it_is() -> None:
    with pytest.raises(FormatError, match="holds no Core ML model") as raised:
        api.inspect_artifact(FOLDER / "portable.pte")
    assert raised.value.found == "a program without delegates"


def test_unknown_methods_are_refused_with_the_names_of_all() -> None:
    with pytest.raises(FormatError, match="no function 'third'") as raised:
        api.inspect_artifact(FOLDER / "methods.pte", "third")
    assert raised.value.expected == "first, second"


def test_the_command_line_takes_it(tmp_path: Path) -> None:
    np.savez(tmp_path / "sample.npz", **PAIRS[0])  # type: ignore[arg-type]
    shown = CliRunner().invoke(app, ["inspect", str(FOLDER / "whole.pte")])
    assert (shown.exit_code, "ML Program" in shown.output) == (0, True)
    record = CliRunner().invoke(app, ["record", "show", str(FOLDER / "whole.pte")])
    assert (record.exit_code, "carries no record" in record.output) == (2, True)
    wrong = CliRunner().invoke(app, ["inspect", str(FOLDER / "portable.pte")])
    assert (wrong.exit_code, "no Core ML model" in wrong.output) == (2, True)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(name=st.sampled_from(["whole", "methods", "parts"]), data=st.data())
def test_a_damaged_file_is_refused_or_read(name: str, data: st.DataObject, tmp_path: Path) -> None:
    """Any bytes changed, or the end cut off: an answer, or an error of ours."""
    whole = bytearray((FOLDER / f"{name}.pte").read_bytes())
    for _ in range(data.draw(st.integers(0, 4))):
        whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    cut = data.draw(st.one_of(st.just(len(whole)), st.integers(0, len(whole))))
    path = tmp_path / "damaged.pte"
    path.write_bytes(bytes(whole[:cut]))
    with suppress(MlparityError):
        api.inspect_artifact(path, data.draw(st.sampled_from(["", "first", "forward/0"])))


def _folded(nodes: list[dict[str, object]], content: bytes = b"abc") -> bytes:
    return content + json.dumps({"nodes": nodes}).encode()[::-1]


def _file(offset: int, size: int) -> dict[str, object]:
    return {"kind": 0, "name": "f", "dataRegion": {"offset": offset, "size": size}, "children": {}}


def test_a_folder_comes_out_of_bytes(tmp_path: Path) -> None:
    tree = [_file(1, 2), {"kind": 1, "children": {"ü": 0}}, {"kind": 1, "children": {"inner": 1}}]
    text = json.dumps({"nodes": tree}, ensure_ascii=False).encode()
    unfold(b"abc" + text[::-1], tmp_path)
    assert (tmp_path / "inner" / "ü").read_bytes() == b"bc"


@pytest.mark.parametrize(
    "nodes",
    [
        [_file(0, 3), {"kind": 1, "children": {"../x": 0}}],
        [_file(0, 3), {"kind": 1, "children": {"..": 0}}],
        [_file(0, 3), {"kind": 1, "children": {"": 0}}],
        [_file(0, 3), {"kind": 1, "children": {"a/b": 0}}],
        [_file(0, 99_999), {"kind": 1, "children": {"a": 0}}],
        [_file(-1, 2), {"kind": 1, "children": {"a": 0}}],
        [_file(0, -2), {"kind": 1, "children": {"a": 0}}],
        [{"kind": 1, "children": {"a": 0}}],
        [_file(0, 3), {"kind": 1, "children": {"a": 7}}],
        [_file(0, 3), {"kind": 1, "children": {"a": 0, "b": 0}}],
        [],
    ],
)
def test_names_and_places_outside_of_the_folder_are_refused(nodes: list[dict[str, object]], tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    with pytest.raises((ValueError, OSError)):
        unfold(_folded(nodes), home)
    assert [each for each in tmp_path.rglob("*") if not each.is_relative_to(home)] == []


def test_a_length_beyond_the_file_is_refused(tmp_path: Path) -> None:
    """Four thousand million segments are announced, of which none is there."""
    data = bytearray((FOLDER / "whole.pte").read_bytes())
    start = struct.unpack_from("<I", data)[0]
    table = start - struct.unpack_from("<i", data, start)[0]
    field = start + struct.unpack_from("<H", data, table + 4 + 2 * 1)[0]
    struct.pack_into("<I", data, field + struct.unpack_from("<I", data, field)[0], 2**32 - 1)
    path = tmp_path / "long.pte"
    path.write_bytes(data)
    with pytest.raises(FormatError, match="no program of ExecuTorch"):
        read_pte(path)


@pytest.mark.skipif(importlib.util.find_spec("executorch") is None, reason="the extra `executorch` is not installed")
@pytest.mark.filterwarnings("ignore")
def test_a_program_that_is_made_here_is_verified(tmp_path: Path) -> None:
    path = tmp_path / "fresh.pte"
    path.write_bytes(MAKERS["whole"]())
    options = api.VerifyOptions(artifacts=(path,), settings=api.settings_from(["fp16/ALL"]))
    assert mlparity.verify(TwoInputs().eval(), tmp_path / "out", PAIRS, "task", options).verdict is Verdict.PASS
