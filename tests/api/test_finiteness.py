"""No entry point passes where the two sides differ in what is finite, whatever the policy says."""

from __future__ import annotations

import itertools
import math
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st
from torch import nn

from mlparity import api
from mlparity.api import Making, compare_files
from mlparity.api.parity import assert_parity
from mlparity.compare.comparer import Comparer
from mlparity.compare.envelope import envelope_of
from mlparity.compare.noise import noise_of
from mlparity.compare.policies import POLICIES
from mlparity.compare.user_metric import load_metric
from mlparity.compare.verdict import Judgement, judge
from mlparity.core.finiteness import mismatches
from mlparity.core.words import ComputeUnit, Confidence, Provenance, Verdict
from mlparity.record.figures import VariantFigures
from mlparity.record.outputs import read_header, writing_outputs
from mlparity.record.policy import Limit, OutputTask, Policy, TaskKind, UserMetric
from mlparity.record.record import Noise, Record
from mlparity.targets.table import settings_from
from mlparity.verification.options import VerifyOptions

NAN, INF = math.nan, math.inf
KINDS = (1.0, NAN, INF, -INF)
UNLIKE = [pair for pair in itertools.product(KINDS, KINDS) if repr(pair[0]) != repr(pair[1])]


METRIC = UserMetric(
    "agreeing", f"{Path(__file__).with_name('agreeing.py')}:agreeing", worst=Limit("agreeing.worst", at_most=1.0)
)
ANYTHING = Limit("max_abs", at_most=1e30)
LOOSE = (
    *POLICIES,
    Policy("numbers", (ANYTHING, Limit("flips", at_most=1e9))),
    Policy("of scale", (Limit("max_abs", at_most=1e30, of_scale=True),), noise_factor=1e30, noise_cap=1e30),
    Policy("flips alone", (Limit("flips", at_most=1e9),)),
    Policy("one output alone", (Limit("max_abs", at_most=1e30, output="y"),)),
    Policy("another output", (replace(ANYTHING, output="z"),)),
    Policy("counts", (Limit("nan_count", at_most=0.0), Limit("inf_count", at_most=0.0))),
    Policy("positions", (Limit("nan_positions", at_most=1e9), Limit("inf_positions", at_most=1e9))),
    Policy("own metric alone", (), metrics=(METRIC,)),
    Policy("mask", (Limit("mask_changed", at_most=0.99),), tasks=(OutputTask("y", TaskKind.MASK, threshold=0.0),)),
    Policy("threshold", (ANYTHING,), tasks=(OutputTask("y", TaskKind.THRESHOLD, threshold=0.0),)),
    Policy("classes", (Limit("flip_rate", at_most=0.99),), tasks=(OutputTask("y", TaskKind.CLASSES, k=1),)),
    Policy("tokens", (Limit("token_agreement", at_least=0.01),), tasks=(OutputTask("y", TaskKind.TOKENS),)),
    Policy("retrieval", (Limit("neighbour_agreement", at_least=0.01),), tasks=(OutputTask("y", TaskKind.RETRIEVAL),)),
)
Samples = Sequence[tuple[np.ndarray, np.ndarray]]


def finiteness_differs(source: np.ndarray, artifact: np.ndarray) -> bool:
    """Say by its own words what the rule is: NaN against no NaN, or infinities that are not the same."""
    return any(
        math.isnan(first) != math.isnan(second)
        or ((math.isinf(first) or math.isinf(second)) and not math.isnan(first) and first != second)
        for first, second in zip(source.ravel().tolist(), artifact.ravel().tolist(), strict=True)
    )


values = st.sampled_from([*KINDS, 0.0, -2.5, 3e38])
arrays = st.lists(st.tuples(values, values), min_size=4, max_size=4)


@st.composite
def cases(draw: st.DrawFn) -> Samples:
    """Some samples of (1, 4) that differ in finiteness anywhere, the rest alike on both sides more often than not."""
    found = []
    for pairs in draw(st.lists(arrays, min_size=1, max_size=4)):
        source, artifact = np.array(pairs, np.float32).T
        found.append((source[None], source[None] if draw(st.booleans()) else artifact[None]))
    return found


def compared(samples: Samples, policy: Policy) -> Comparer:
    comparer = Comparer(tasks=policy.tasks, metrics=tuple(load_metric(each) for each in policy.metrics))
    for place, (source, artifact) in enumerate(samples):
        comparer.add(str(place), {"y": source, "z": np.ones(3)}, {"y": artifact, "z": np.ones(3)})
    return comparer


def by_arrays(samples: Samples, policy: Policy, folder: Path) -> Judgement:
    del folder
    comparer = compared(samples, policy)
    noise = (Noise("y", 1e30, 1e30, 1.0), *noise_of(comparer.result(), 1e9))
    return judge(policy, comparer.result(), noise, comparer.problems, comparer.task_figures)


def by_files(samples: Samples, policy: Policy, folder: Path) -> Judgement:
    paths = folder / "source.npz", folder / "artifact.npz"
    for side, path in enumerate(paths):
        with writing_outputs(path) as writer:
            for place, pair in enumerate(samples):
                writer.add(str(place), {"y": pair[side], "z": np.ones(3)})
    found = compare_files(*paths, policy, Making())
    return Judgement(found.verdict, found.reasons)


ENTRIES = (by_arrays, by_files)


@settings(max_examples=100)
@given(cases(), st.sampled_from(LOOSE), st.sampled_from(ENTRIES))
@example([(np.array([[1.0, 2.0]]), np.array([[1.0, INF]]))], LOOSE[2], by_files)
def test_nothing_passes_where_the_sides_differ_in_finiteness(samples: Samples, policy: Policy, entry: object) -> None:
    with tempfile.TemporaryDirectory() as folder:
        judgement = entry(samples, policy, Path(folder))  # type: ignore[operator]
    if any(finiteness_differs(*pair) for pair in samples):
        assert judgement.verdict is Verdict.FAIL
        assert any("y: the figures of differences leave out" in reason for reason in judgement.reasons)
    elif not any((np.isfinite(source) & np.isfinite(artifact)).any() for source, artifact in samples):
        assert judgement.verdict is not Verdict.PASS


@pytest.mark.parametrize(("first", "second"), UNLIKE)
@pytest.mark.parametrize("policy", LOOSE, ids=lambda policy: policy.name)
def test_each_kind_against_each_other_fails_by_both_ways(
    first: float, second: float, policy: Policy, tmp_path: Path
) -> None:
    samples = [(np.array([[1.0, first, 2.0]]), np.array([[1.0, second, 2.0]]))]
    assert by_arrays(samples, policy, tmp_path).verdict is Verdict.FAIL


@pytest.mark.parametrize(("first", "second"), UNLIKE)
def test_an_envelope_is_led_by_the_variant_that_is_not_finite(first: float, second: float) -> None:
    policy = LOOSE[2]
    sides = [(np.array([[1.0, 2.0]]), np.array([[1.0, 99.0]])), (np.array([[1.0, first]]), np.array([[1.0, second]]))]
    outputs = [compared([side], policy).result() for side in sides]
    runs = [
        VariantFigures(name, (name,), "", (), Confidence.MEASURED, judge(policy, each).verdict, {"y": each[0].figures})
        for name, each in zip("ab", outputs, strict=True)
    ]
    envelope, place = envelope_of(runs, outputs)
    assert (envelope.dominating, place) == ("b", 1)
    assert mismatches(envelope.runs[place].figures["y"]) == 1


class Ratio(nn.Module):
    """One quotient; every other input counts nothing, and is there so that two models take the same samples."""

    def __init__(self, above: str, below: str) -> None:
        super().__init__()
        self.above, self.below = above, below

    def forward(self, a: torch.Tensor, b: torch.Tensor, c: torch.Tensor, d: torch.Tensor) -> torch.Tensor:
        named = {"a": a, "b": b, "c": c, "d": d}
        return named[self.above] / named[self.below] + (a + b + c + d) * torch.zeros_like(a)


FRACTIONS = {"1.0": (1.0, 1.0), "nan": (0.0, 0.0), "inf": (1.0, 0.0), "-inf": (-1.0, 0.0)}


def samples_of(first: float, second: float) -> list[dict[str, np.ndarray]]:
    above, below = FRACTIONS[repr(first)]
    other_above, other_below = FRACTIONS[repr(second)]
    fill = np.array([[[0.0, 1.0, 2.0]]], np.float32)
    one = np.ones_like(fill)
    arrays = {"a": fill.copy(), "b": one.copy(), "c": fill.copy(), "d": one.copy()}
    for name, value in zip("abcd", (above, below, other_above, other_below), strict=True):
        arrays[name][0, 0, 0] = value
    return [{"a": fill, "b": one, "c": fill, "d": one}, arrays]


SETTING = settings_from(["fp32/CPU_ONLY"])


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("ratio") / "out"
    record = api.verify(Ratio("c", "d").eval(), out, samples_of(1.0, 1.0), "task", VerifyOptions(settings=SETTING))
    return out / record.artifacts[0].path


@pytest.fixture
def free() -> Policy:
    return Policy("free", (ANYTHING, Limit("flips", at_most=1e9)))


@pytest.mark.parametrize(("first", "second"), [(1.0, INF), (NAN, 1.0), (INF, -INF), (INF, NAN)])
def test_verify_and_assert_parity_fail(
    package: Path, tmp_path: Path, free: Policy, first: float, second: float
) -> None:
    options = VerifyOptions(settings=SETTING, artifacts=(package,))
    with pytest.raises(AssertionError, match="leave out 1 of 6 positions"):
        assert_parity(
            Ratio("a", "b").eval(), samples_of(first, second), policy=free, out=tmp_path / "out", options=options
        )
    record = api.read_any_record(tmp_path / "out")
    assert isinstance(record, Record)
    (row,) = record.settings
    assert row.verdict is Verdict.FAIL
    assert mismatches(row.outputs[0].figures) == 1
    report = (tmp_path / "out" / "report.md").read_text()
    assert "| NaN | inf |" in report
    assert "1, 1 unlike" in report


def test_what_a_device_saved_fails_too(package: Path, tmp_path: Path, free: Policy) -> None:
    inputs = tmp_path / "in.npz"
    np.savez(inputs, **samples_of(1.0, 1.0)[1])  # type: ignore[arg-type]
    api.run_artifact(package, str(inputs), tmp_path / "here.npz", unit=ComputeUnit.CPU_ONLY)
    header = replace(read_header(tmp_path / "here.npz"), provenance=Provenance.MEASURED)
    with np.load(tmp_path / "here.npz") as saved, writing_outputs(tmp_path / "there.npz") as writer:
        (key,) = (name for name in saved.files if "/" in name)
        array = saved[key].copy()
        array[0, 0, 0] = INF
        writer.add(key.rpartition("/")[0], {key.rpartition("/")[2]: array})
        writer.close_with(header)
    options = VerifyOptions(settings=SETTING, artifacts=(package,), device_outputs=(tmp_path / "there.npz",))
    record = api.verify(Ratio("a", "b").eval(), tmp_path / "out", str(inputs), free, options)
    assert [row.verdict for row in record.settings] == [Verdict.PASS, Verdict.FAIL]
    assert record.verdict is Verdict.FAIL


class Overflowing(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.relu(x * 300.0) * 300.0


def test_tune_does_not_hold_with_an_infinity(tmp_path: Path, free: Policy) -> None:
    options = VerifyOptions(settings=settings_from(["fp16/CPU_ONLY"]))
    found = api.tune(Overflowing().eval(), tmp_path / "out", [{"x": np.ones((1, 1, 3), np.float32)}], free, options)
    assert found.before.verdict is Verdict.FAIL
    assert found.after.verdict is Verdict.PASS
    assert found.after.fp32_ops > found.before.fp32_ops
