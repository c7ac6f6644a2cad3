"""The cause that `verify` writes down, with its ops, for artifacts that were given."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from mlparity.api import locate, verify
from mlparity.compare.policies import CONSISTENCY
from mlparity.core.errors import FormatError
from mlparity.core.session import SampleSet
from mlparity.core.source import Source
from mlparity.core.words import ComputeUnit, Provenance, Verdict
from mlparity.engine.runtime.interpret import run_plan
from mlparity.record.causes import Cause, CauseKind
from mlparity.record.files import read_record
from mlparity.report.causes import cause_sentence
from mlparity.samples.memory import memory_samples
from mlparity.targets.coreml import convert as coreml
from mlparity.targets.table import settings_from
from mlparity.verification.explain import run_diagnosis
from mlparity.verification.explain_package import plans_of
from mlparity.verification.job import Job
from mlparity.verification.options import VerifyOptions
from tests.faults.converting import PLANTED
from tests.faults.fault import Fault, uniform
from tests.faults.networks import Convolutions, seeded
from tests.faults.overflowing import FAULTS
from tests.loading import load_source

# Written op by op: conversions in this process may be corrected ones.
BY_HAND = [each for each in (*PLANTED, *FAULTS) if each.name in ("prelu_with_one_slope", "variance_in_a_batch_norm")]


@pytest.fixture(params=BY_HAND, ids=lambda each: each.name)
def fault(request: pytest.FixtureRequest) -> Fault:
    assert isinstance(request.param, Fault)
    return request.param


def artifact(fault: Fault, folder: Path) -> Path:
    path = folder / f"{fault.name}.mlpackage"
    fault.make(fault.source(), fault.samples()[0], path)
    return path


def job_of(source: Source, samples: SampleSet, stage: Path) -> Job:
    return Job(source, samples, CONSISTENCY, VerifyOptions(), (), stage)


def test_the_record_names_cause_and_op(fault: Fault, tmp_path: Path) -> None:
    options = VerifyOptions(
        settings=settings_from(["fp32/CPU_ONLY", "fp16/CPU_ONLY"]),
        artifacts=(artifact(fault, tmp_path),),
        chips=("M4",),
    )
    record = verify(fault.source(), tmp_path / "out", memory_samples(fault.samples()), options=options)
    assert record.verdict is Verdict.FAIL
    assert record.cause.kind in fault.kinds
    assert any(wanted in f"{record.cause.ops[0].type} {record.cause.ops[0].name}" for wanted in fault.ops)
    assert record.cause.ops[0].name in cause_sentence(record)
    assert read_record(tmp_path / "out/record.json").cause == record.cause


def test_the_error_is_followed_along_a_failing_fp16_artifact(tmp_path: Path) -> None:
    """From op to op, with the source's lines, up to the artifact's own output in the two arithmetics."""
    options = VerifyOptions(settings=settings_from(["fp16/CPU_ONLY"]), chips=("M4",))
    network, samples = seeded(Convolutions)(), uniform(1, 3, 12, 12)
    record = verify(network, tmp_path / "out", memory_samples(samples), options=options)
    row = replace(record.settings[0], seconds_per_sample=None)  # however slow the machine was
    source = load_source(network, samples[0])
    job = job_of(source, memory_samples(samples), tmp_path / "out")
    drift = run_diagnosis(Cause(CauseKind.PRECISION, ()), row, job).drift
    assert drift is not None
    assert (drift.provenance, drift.profiles, drift.sample) == (Provenance.COMPUTED, (), "0")
    assert drift.count == len(drift.points)
    assert {"conv", "linear"} <= {point.type for point in drift.points}
    last = drift.points[-1]
    assert "aten.addmm in head (networks.py:" in last.origin
    plans, inputs = plans_of(tmp_path / "out" / row.artifact), {"x": torch.from_numpy(samples[0]["x"])}
    found, expected = (next(iter(run_plan(plan, inputs).values())) for plan in (plans.numerics, plans.exact))
    assert isinstance(found, Tensor)
    assert isinstance(expected, Tensor)
    wanted = float((found - expected).double().norm() / expected.double().norm())
    assert last.accumulated == pytest.approx(wanted, rel=1e-4)
    unit = Cause(CauseKind.COMPUTE_UNIT, ())
    emulated = run_diagnosis(unit, row, job).drift
    assert emulated is not None
    assert (emulated.provenance, emulated.confidence is None) == (Provenance.EMULATED, False)
    assert all(name.startswith("cpu-") for name in emulated.profiles)
    assert emulated.points[-1].accumulated > last.accumulated, "sums in fp16 lose more than those in fp32"


def test_a_busy_machine_explains_what_an_idle_one_does(tmp_path: Path) -> None:
    (planted,) = (each for each in BY_HAND if each.name == "prelu_with_one_slope")
    samples = memory_samples(planted.samples())
    options = VerifyOptions(settings=settings_from(["fp32/CPU_ONLY"]), artifacts=(artifact(planted, tmp_path),))
    record = verify(planted.source(), tmp_path / "out", samples, options=options)
    slow = replace(record.settings[0], seconds_per_sample=1e3)
    source = load_source(planted.source(), planted.samples()[0])
    again = run_diagnosis(Cause(CauseKind.UNKNOWN, ()), slow, job_of(source, samples, tmp_path / "out"))
    assert [op.name for op in again.cause.ops] == [op.name for op in record.cause.ops] != []


def test_locate_without_a_source_knows_the_numerics_alone(tmp_path: Path) -> None:
    by_name = {each.name: each for each in BY_HAND}
    path = artifact(by_name["prelu_with_one_slope"], tmp_path)
    samples = by_name["prelu_with_one_slope"].samples()
    assert locate(path, samples).kind is CauseKind.NONE
    found = locate(path, samples, by_name["prelu_with_one_slope"].source(), ComputeUnit.CPU_ONLY)
    assert found.kind is CauseKind.CONVERTER
    assert "prelu" in found.ops[0].origin


def test_locate_refuses_what_it_cannot_use(tmp_path: Path) -> None:
    with pytest.raises(FormatError):
        locate(tmp_path / "no.mlpackage", [])
    (tmp_path / "a.mlpackage").mkdir()
    with pytest.raises(FormatError):
        locate(tmp_path / "a.mlpackage", [])


class OtherLayout(nn.Module):
    """What a network is when its artifact takes (n, height, width, channels)."""

    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.inner = inner

    def forward(self, x: Tensor) -> Tensor:
        return self.inner(x.permute(0, 3, 1, 2))


def test_an_artifact_of_another_layout_is_told(tmp_path: Path) -> None:
    network, sample = seeded(Convolutions)(), uniform(1, 3, 12, 12)[0]
    moved = {"x": np.ascontiguousarray(sample["x"].transpose(0, 2, 3, 1))}
    done = coreml.convert(load_source(OtherLayout(network).eval(), moved), moved)
    coreml.save(done, tmp_path / "moved.mlpackage")
    options = VerifyOptions(settings=settings_from(["fp32/CPU_ONLY"]), artifacts=(tmp_path / "moved.mlpackage",))
    record = verify(network, tmp_path / "out", memory_samples([sample]), options=options)
    assert record.verdict is Verdict.UNKNOWN
    assert record.cause.kind is CauseKind.PREPROCESSING
    assert "NHWC" in cause_sentence(record)


def test_what_time_did_not_suffice_for_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (planted,) = (each for each in BY_HAND if each.name == "prelu_with_one_slope")
    options = VerifyOptions(settings=settings_from(["fp32/CPU_ONLY"]), artifacts=(artifact(planted, tmp_path),))
    monkeypatch.setattr("mlparity.verification.explain_time.LEAST_S", 0.0)
    verify(planted.source(), tmp_path / "out", memory_samples(planted.samples()), options=options)
    record = read_record(tmp_path / "out/record.json")
    assert record.verdict is Verdict.FAIL
    assert (record.cause.kind, record.cause.ops) == (CauseKind.UNKNOWN, ())
    assert record.unfinished is not None
    assert record.unfinished.parts == ("the explanation of prelu_with_one_slope.mlpackage",)
    words = "The explanation had 0 s; it left out or did not finish: the explanation of prelu_with_one_slope.mlpackage."
    assert all(words in (tmp_path / "out" / name).read_text() for name in ("report.html", "report.md", "model_card.md"))


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (FormatError("the program cannot be read"), "op by op: the program cannot be read."),
        (MemoryError(), "op by op: memory ran out."),
        (ValueError("a shape of our own"), "op by op: a fault of mlparity's own at "),
    ],
)
def test_an_explanation_that_fails_is_told_in_the_results(
    error: Exception, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (planted,) = (each for each in BY_HAND if each.name == "prelu_with_one_slope")
    options = VerifyOptions(settings=settings_from(["fp32/CPU_ONLY"]), artifacts=(artifact(planted, tmp_path),))

    def failing(_rungs: object) -> Cause:
        raise error

    monkeypatch.setattr("mlparity.verification.explain_package.explain_all", failing)
    foreseen = nullcontext() if not isinstance(error, ValueError) else pytest.raises(ValueError, match="of our own")
    with foreseen:
        verify(planted.source(), tmp_path / "out", memory_samples(planted.samples()), options=options)
    record = read_record(tmp_path / "out/record.json")
    assert record.verdict is Verdict.FAIL
    assert not record.cause.ops
    told = [(tmp_path / "out" / name).read_text() for name in ("report.html", "report.md", "model_card.md")]
    assert all(words.replace("'", "&#39;") in each or words in each for each in told)
