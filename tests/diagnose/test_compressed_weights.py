"""Compressed weights: the interval that each stored number stands for, and that a model's difference comes of them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import coremltools as ct
import coremltools.optimize.coreml as cto
import numpy as np
import pytest
import torch
from torch import Tensor, nn

from mlparity.core.budget import Budget, within
from mlparity.core.words import Precision
from mlparity.diagnose.compressed_weights import compressed, compression_intervals
from mlparity.diagnose.restored_weights import restored, rows_apart
from mlparity.record.causes import CauseKind, Observation
from mlparity.targets.table import target_named
from mlparity.targets.target import Request
from mlparity.verification.explain_package import Case, explain_package, plans_of, worst_case
from tests.loading import load_source

SAMPLE = {"x": np.random.default_rng(1).standard_normal((2, 3, 12, 12)).astype(np.float32)}


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.first, self.norm, self.second = nn.Conv2d(3, 32, 3), nn.BatchNorm2d(32), nn.Conv2d(32, 64, 3)
        self.last = nn.Linear(64, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = torch.relu(self.norm(self.first(x)))
        return self.last(torch.relu(self.second(x)).mean((2, 3)))


class Other(Net):
    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x) * 3


def int8(model: Any) -> Any:
    return cto.linear_quantize_weights(model, config(cto.OpLinearQuantizerConfig(mode="linear_symmetric")))


def int4_blocks(model: Any) -> Any:
    how = cto.OpLinearQuantizerConfig(
        mode="linear_symmetric", dtype="int4", granularity="per_block", block_size=16, weight_threshold=0
    )
    return cto.linear_quantize_weights(model, config(how))


def palettes(model: Any) -> Any:
    return cto.palettize_weights(model, config(cto.OpPalettizerConfig(mode="uniform", nbits=6)))


def palettes_by_channels(model: Any) -> Any:
    how = cto.OpPalettizerConfig(mode="uniform", nbits=4, granularity="per_grouped_channel", group_size=8)
    return cto.palettize_weights(model, config(how))


def pruned(model: Any) -> Any:
    return cto.prune_weights(model, config(cto.OpMagnitudePrunerConfig(target_sparsity=0.3)))


def pruned_palettes(model: Any) -> Any:
    pruned_first = pruned(model)
    how = cto.OpPalettizerConfig(mode="uniform", nbits=6)
    return cto.palettize_weights(pruned_first, config(how), joint_compression=True)


def config(how: Any) -> Any:
    how.weight_threshold = 0
    return cto.OptimizationConfig(how)


WAYS = (int8, int4_blocks, palettes, palettes_by_channels, pruned, pruned_palettes)


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("made") / "net.mlpackage"
    source = load_source(Net().eval(), SAMPLE)
    target_named("coreml").convert(Request(source, [SAMPLE], Precision.FP16, path, "iOS18"))
    return path


@pytest.fixture(scope="module", params=WAYS, ids=lambda way: way.__name__)
def package(request: pytest.FixtureRequest, plain: Path) -> Path:
    way: Callable[[Any], Any] = request.param
    path = plain.parent / f"{way.__name__}.mlpackage"
    way(ct.models.MLModel(str(plain), skip_model_load=True)).save(str(path))
    return path


def test_the_number_before_lies_in_the_interval(package: Path, plain: Path) -> None:
    """All but a few: the uniform palettes of coremltools round at their ends, and int4 clips the largest."""
    ours = plans_of(package).exact
    intervals = compression_intervals(ours)[0]
    stored = {found.value.shape: found for found in compressed(ours)}
    full = [value for value in plans_of(plain).exact.initial if isinstance(value, Tensor) and value.ndim >= 2]
    matched = [(value, stored[value.shape]) for value in full if value.shape in stored]
    assert matched
    for value, found in matched:
        width = intervals[found.slot].width
        inside = (value - found.value).abs() <= 0.51 * width + 1e-3 * value.abs() + 1e-6
        assert inside.double().mean() > 0.9
        assert (width >= 0).all()


def test_the_compression_is_the_cause(package: Path) -> None:
    cause = explain_package(package, load_source(Net().eval(), SAMPLE), {"x": SAMPLE})
    assert (cause.kind, cause.evidence[0].observation) == (CauseKind.COMPRESSION, Observation.WEIGHTS_RESTORED)
    assert {op.type for op in cause.ops} <= {"conv", "linear"}
    assert all(op.origin for op in cause.ops)
    shares = [op.share or 0.0 for op in cause.ops]
    assert shares == sorted(shares, reverse=True)
    assert 0 < sum(shares) <= 1.0001


def test_a_fault_beside_it_is_no_compression(package: Path) -> None:
    cause = explain_package(package, load_source(Other().eval(), SAMPLE), {"x": SAMPLE})
    assert cause.kind is not CauseKind.COMPRESSION


class Runs:
    """A clock that moves on by a second with each run."""

    def __init__(self) -> None:
        self.made = 0

    def __call__(self) -> float:
        return self.made

    def count(self, runs: int) -> None:
        self.made = runs


@pytest.mark.parametrize("runs", [8, 12, 20, 40])
def test_a_search_that_is_stopped_claims_nothing(package: Path, runs: int) -> None:
    clock = Runs()
    with within(Budget(runs, clock.count, clock)) as budget:
        cause = explain_package(package, load_source(Other().eval(), SAMPLE), {"x": SAMPLE})
    assert (cause.kind, cause.evidence[0].observation) == (CauseKind.UNKNOWN, Observation.GRAPH_NOT_SEARCHED)
    assert budget.undone
    assert budget.runs == runs


def test_what_is_not_compressed_has_no_interval(plain: Path) -> None:
    assert compression_intervals(plans_of(plain).exact) == ()


class Older(Net):
    """The same network after other steps of training."""

    def __init__(self) -> None:
        super().__init__()
        draw = torch.Generator().manual_seed(3)
        with torch.no_grad():
            noise = torch.randn(self.second.weight.shape, generator=draw)
            self.second.weight.add_(0.5 * self.second.weight.std() * noise)


def test_other_weights_are_no_compression(package: Path) -> None:
    found = worst_case(package, load_source(Older().eval(), SAMPLE), {"x": SAMPLE}, None)
    assert isinstance(found, Case)
    causes = found.causes()
    assert causes[0].kind is CauseKind.WEIGHTS
    assert {cause.kind for cause in causes[1:]} <= {CauseKind.COMPRESSION}


def test_a_fault_beside_the_compression_is_named_at_its_op(package: Path) -> None:
    found = worst_case(package, load_source(Other().eval(), SAMPLE), {"x": SAMPLE}, None)
    assert isinstance(found, Case)
    causes = found.causes()
    assert causes[0].kind is CauseKind.CONVERTER
    assert "aten.mul" in causes[0].ops[0].origin
    assert all(cause.evidence[0].observation is Observation.COMPRESSION_ADDS for cause in causes[1:])


def test_with_the_source_s_weights_the_artifact_is_the_plain_one(package: Path, plain: Path) -> None:
    """To the last bit: the weights are found in their layout, with the norm in them, and rounded as stored."""
    source = load_source(Net().eval(), SAMPLE)
    small, whole = (worst_case(each, source, {"x": SAMPLE}, None) for each in (package, plain))
    assert isinstance(small, Case)
    assert isinstance(whole, Case)
    made = restored(small.rungs)
    assert made is not None
    assert len(made.names) == made.of
    ours, theirs = (each.run(each.exact, each.inputs) for each in (made.rungs, whole.rungs))
    for name, value in theirs.items():
        torch.testing.assert_close(ours[name], value, rtol=1e-6, atol=1e-6)


def test_large_weights_are_told_apart_by_rows_from_all_of_them() -> None:
    large = np.arange(30_000.0 * 40).reshape(30_000, 40)
    assert rows_apart(large)[0, 0] == 0
    assert 900 > len(rows_apart(large)) > 800
    assert rows_apart(large)[-1, 0] > 0.99 * large[-1, 0]
    for small in (np.ones((32, 3, 3)), np.ones((2, 10**6)), np.ones(0), np.ones(())):
        assert rows_apart(small).shape == small.shape
