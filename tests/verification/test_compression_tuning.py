"""`tune --compress` on a small network: what is found passes on both halves, and the code makes the same package."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from mlparity import api
from mlparity.core.errors import ConversionError, InputError
from mlparity.core.words import Verdict
from mlparity.record.compression_tuning import CompressionTuning
from mlparity.record.policy import Limit, Policy
from mlparity.record.tuning_file import read_compression_tuning
from mlparity.report.compression_tuning import compression_tuning_text
from mlparity.targets.table import settings_from
from mlparity.verification.explain_package import plans_of
from mlparity.verification.options import VerifyOptions

ONE = VerifyOptions(settings=settings_from(["fp16/CPU_ONLY"]))


class Net(nn.Module):
    """A second layer whose weights matter a hundred times less than those of the others."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.first, self.second, self.last = nn.Linear(64, 64), nn.Linear(64, 64), nn.Linear(64, 64)

    def forward(self, x: Tensor) -> Tensor:
        wide = torch.relu(self.first(x))
        return self.last(wide + 0.01 * torch.tanh(self.second(wide)))


def samples(count: int = 6) -> list[dict[str, np.ndarray]]:
    draw = np.random.default_rng(0)
    return [{"x": draw.standard_normal((1, 64)).astype(np.float32)} for _ in range(count)]


def within(share: float) -> Policy:
    return Policy("within", (Limit("max_abs", at_most=share, of_scale=True),))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("tuned") / "out"


@pytest.fixture(scope="module")
def found(folder: Path) -> CompressionTuning:
    return api.tune_compression(Net().eval(), folder, samples(), within(0.02), ONE)


def test_what_is_kept_is_the_smallest_that_passes_on_both_halves(found: CompressionTuning) -> None:
    assert found.best is not None
    assert (found.searched, found.verified) == (3, 3)
    assert found.best.passes
    assert found.best.size_bytes < min(each.size_bytes for each in found.uniform if each.passes)
    assert all(each.size_bytes >= found.best.size_bytes for each in (*found.uniform, *found.mixed) if each.passes)
    assert {each.name for each in found.uniform} >= {"int8", "int4", "palettize2", "palettize8"}


def test_the_layer_that_matters_least_has_the_fewest_bits(found: CompressionTuning) -> None:
    sizes = {layer.name: layer.size_bytes for layer in found.layers}
    assert len(sizes) == 3
    assert "second" in min(sizes, key=lambda name: sizes[name])


def test_verify_passes_the_package_on_all_samples(found: CompressionTuning, folder: Path, tmp_path: Path) -> None:
    options = VerifyOptions(settings=ONE.settings, artifacts=(folder / found.package,))
    record = api.verify(Net().eval(), tmp_path / "out", samples(), within(0.02), options)
    assert record.verdict is Verdict.PASS


def test_the_code_makes_the_same_weights_with_coremltools_alone(
    found: CompressionTuning, folder: Path, tmp_path: Path
) -> None:
    made = tmp_path / "again.mlpackage"
    command = [sys.executable, "-W", "ignore", str(folder / "compress.py"), str(folder / found.base), str(made)]
    subprocess.run(command, check=True, capture_output=True, cwd=tmp_path)
    assert "import mlparity" not in found.code
    ours, theirs = (plans_of(path).exact.initial for path in (folder / found.package, made))
    pairs = [(one, other) for one, other in zip(ours, theirs, strict=True) if isinstance(one, Tensor)]
    assert pairs
    for one, other in pairs:
        assert isinstance(other, Tensor)
        torch.testing.assert_close(one, other, rtol=0, atol=0)


def test_the_files_are_written_and_replaced_by_the_next_run(found: CompressionTuning, folder: Path) -> None:
    names = {"compression.json", "compression.html", "compress.py", found.package, found.base}
    assert {entry.name for entry in folder.iterdir()} == names
    assert read_compression_tuning(folder / "compression.json") == found
    page = (folder / "compression.html").read_text(encoding="utf-8")
    assert page.count("<circle") == 1 + len(found.uniform) + len(found.mixed)
    assert compression_tuning_text(found).split(";")[0] in page
    api.tune_compression(Net().eval(), folder, samples(2), within(1e-9), ONE)
    assert json.loads((folder / "compression.json").read_text())["searched"] == 1


def test_where_nothing_passes_there_is_no_package(tmp_path: Path) -> None:
    found = api.tune_compression(Net().eval(), tmp_path / "out", samples(2), within(1e-9), ONE)
    assert (found.best, found.package, found.mixed) == (None, "", ())
    assert "does not pass the policy itself" in compression_tuning_text(found)


def test_a_deployment_target_is_of_the_conversion_alone(tmp_path: Path) -> None:
    asked = VerifyOptions(settings=ONE.settings, deployment_target="iOS18")
    found = api.tune_compression(Net().eval(), tmp_path / "out", samples(2), within(1e-9), asked)
    assert {each.searched for each in found.uniform} == {Verdict.FAIL}


def test_bad_input_is_said(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="both halves"):
        api.tune_compression(Net().eval(), tmp_path / "one", samples(1), within(0.1), ONE)
    small = nn.Sequential(nn.Linear(4, 4)).eval()
    with pytest.raises(ConversionError, match="no weight to compress"):
        api.tune_compression(small, tmp_path / "small", [{"input": np.ones((1, 4), np.float32)}] * 2, within(0.1), ONE)
    assert not list(tmp_path.iterdir())
