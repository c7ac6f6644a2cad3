"""A neural network of Core ML: rows of its own, the cause that it is one file, and the proof that it carries."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from mlparity import api
from mlparity.compare.policies import CONSISTENCY
from mlparity.core.words import ComputeUnit, Precision, Provenance, Verdict
from mlparity.engine.numerics import FP32
from mlparity.engine.runtime.bind import bind
from mlparity.record.causes import CauseKind
from mlparity.record.outputs import read_header
from mlparity.record.record import Record
from mlparity.record.rows import RowState, SettingResult
from mlparity.report.causes import cause_sentence
from mlparity.targets.table import default_settings, settings_from
from mlparity.verification.artifacts import following_artifacts
from mlparity.verification.check import findings_of, verdict_of
from mlparity.verification.explain_package import plans_of
from mlparity.verification.options import VerifyOptions

NETWORK = ("CPU_ONLY", "CPU_AND_GPU", "CPU_AND_NE", "ALL")
X = np.random.default_rng(0).standard_normal((2, 1, 3, 12, 12)).astype(np.float32)


class Net(nn.Module):
    """Two outputs that fp16 gets near to and not at."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.conv, self.head = nn.Conv2d(3, 8, 3), nn.Linear(8, 4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(torch.relu(self.conv(x)).mean((2, 3)))


class Looking(Net):
    """The same with an op for which networks have no layer."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        grid = torch.zeros(1, 4, 4, 2) + x.mean()
        return super().forward(nn.functional.grid_sample(x, grid, align_corners=False))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("network")
    np.savez(folder / "x.npz", x=X[0])
    return folder


@pytest.fixture(scope="module")
def record(folder: Path) -> Record:
    options = VerifyOptions(settings=settings_from(["fp32/CPU_ONLY", "neuralnetwork/*"]), chips=("M4",))
    return api.verify(Net().eval(), folder / "out", str(folder / "x.npz"), options=options)


@pytest.fixture(scope="module")
def network(folder: Path, record: Record) -> Path:
    (path,) = (artifact.path for artifact in record.artifacts if artifact.precision is Precision.NEURAL_NETWORK)
    assert path == "Net_neuralnetwork.mlmodel"
    return folder / "out" / path


def rows(record: Record) -> dict[str, SettingResult]:
    return {str(row.setting): row for row in record.settings}


def test_networks_are_verified_on_request_alone() -> None:
    assert not [setting for setting in default_settings() if setting.precision is Precision.NEURAL_NETWORK]
    assert [str(setting) for setting in settings_from(["neuralnetwork/*"])] == [f"neuralnetwork/{u}" for u in NETWORK]


def test_the_cpu_agrees_and_the_other_units_do_not(record: Record) -> None:
    found = {name: (row.verdict, row.provenance) for name, row in rows(record).items()}
    assert found == {
        "fp32/CPU_ONLY": (Verdict.PASS, Provenance.COMPUTED),
        "neuralnetwork/CPU_ONLY": (Verdict.PASS, Provenance.COMPUTED),
        **{f"neuralnetwork/{unit}": (Verdict.FAIL, Provenance.EMULATED) for unit in NETWORK[1:]},
    }
    assert record.verdict is Verdict.PASS
    assert record.rungs == ()


def test_the_cause_is_the_compute_unit_of_one_file(record: Record) -> None:
    assert record.cause.kind is CauseKind.COMPUTE_UNIT
    assert "One file: it agrees with the source on the CPU (neuralnetwork/CPU_ONLY" in cause_sentence(record)
    assert record.cause.ops
    assert record.drift is not None
    assert record.explanation_failure == ""
    kinds = {name: [cause.kind for cause in row.causes] for name, row in rows(record).items() if row.causes}
    assert kinds == {f"neuralnetwork/{unit}": [CauseKind.COMPUTE_UNIT] for unit in NETWORK[1:]}


def test_a_file_that_is_given_has_rows_of_its_own_form(network: Path, folder: Path) -> None:
    options = following_artifacts(VerifyOptions(artifacts=(network,)))
    names = [str(setting) for setting in options.settings]
    assert names[:4] == [f"neuralnetwork/{unit}" for unit in NETWORK]
    assert names[4:] == [str(setting) for setting in default_settings() if setting.target != "coreml"]
    assert options.is_default
    package = folder / "out" / "Net_fp32.mlpackage"
    both = following_artifacts(VerifyOptions(artifacts=(network, package)))
    units = ["fp32", "neuralnetwork"]
    names = [str(setting) for setting in both.settings if setting.target == "coreml"]
    assert names == [f"{form}/{unit}" for form in units for unit in NETWORK]
    for unchanged in (VerifyOptions(artifacts=(package,)), replace(options, settings=settings_from(["fp16/ALL"]))):
        assert following_artifacts(replace(unchanged, follows_artifacts=False)).settings == unchanged.settings


def test_asking_for_more_than_the_default_is_not_asking_for_each_runtime() -> None:
    assert VerifyOptions(settings=settings_from(["*", "neuralnetwork/*"])).is_default
    assert not VerifyOptions(settings=settings_from(["neuralnetwork/*"])).is_default


def test_what_it_carries_is_checked_and_what_it_runs_in_is_named(network: Path, folder: Path) -> None:
    whole = folder / "out" / "record.json"
    assert verdict_of(findings_of(network, "CPU_ONLY", whole)) is Verdict.PASS
    assert verdict_of(findings_of(network, "ALL", whole)) is Verdict.FAIL
    api.run_artifact(network, str(folder / "x.npz"), folder / "saved.npz", unit=ComputeUnit.CPU_AND_GPU)
    assert read_header(folder / "saved.npz").setting == "neuralnetwork/CPU_AND_GPU"


def test_given_and_consistent_first_it_is_recommended_on_the_cpu(network: Path, folder: Path) -> None:
    settings = settings_from(["neuralnetwork/CPU_ONLY", "neuralnetwork/CPU_AND_GPU"])
    options = VerifyOptions(settings=settings, artifacts=(network,), chips=("M4",), consistency_first=True)
    record = api.verify(Net().eval(), folder / "given", str(folder / "x.npz"), options=options)
    assert str(record.recommendation.setting) == "neuralnetwork/CPU_ONLY"
    assert "computeUnits = .cpuOnly" in (folder / "given" / "VerifiedModel.swift").read_text()
    loader = (folder / "given" / "verified_model.py").read_text()
    assert "'Net_neuralnetwork.mlmodel'" in loader
    assert "ComputeUnit.CPU_ONLY" in loader


def test_what_coremltools_cannot_say_in_that_form_is_a_row_with_the_reason(folder: Path) -> None:
    options = VerifyOptions(settings=settings_from(["fp32/CPU_ONLY", "neuralnetwork/CPU_ONLY"]))
    record = api.verify(Looking().eval(), folder / "looking", str(folder / "x.npz"), options=options)
    row = rows(record)["neuralnetwork/CPU_ONLY"]
    assert row.state is RowState.FAILED
    assert "the converter stopped at grid_sampler" in row.note
    assert rows(record)["fp32/CPU_ONLY"].state is RowState.COMPARED


class Padded(Net):
    """The same on a padded input: where one op is on the CPU, the Neural Engine reads what is fp32 there."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return super().forward(nn.functional.pad(x * 0.3, (0, 1, 0, 1)))


def test_what_one_unit_reads_of_another_is_explained_too(folder: Path) -> None:
    settings = settings_from(["neuralnetwork/CPU_ONLY", "neuralnetwork/CPU_AND_NE"])
    options = VerifyOptions(settings=settings, chips=("M4",))
    record = api.verify(Padded().eval(), folder / "padded", str(folder / "x.npz"), options=options)
    plans = plans_of(folder / "padded" / record.artifacts[0].path, ComputeUnit.CPU_AND_NE)
    steps = [[step.op.location for step in plan.steps] for plan in (plans.numerics, plans.exact)]
    assert steps[0] == steps[1]
    assert len(steps[0]) > len(bind(plans.program, FP32).steps)
    assert record.explanation_failure == ""
    assert record.cause.kind is CauseKind.COMPUTE_UNIT


def net() -> nn.Module:
    return Net().eval()


def test_a_fix_of_a_network_is_an_ml_program(folder: Path) -> None:
    policy = replace(CONSISTENCY, required=("neuralnetwork/CPU_AND_GPU",))
    options = VerifyOptions(settings=settings_from(["neuralnetwork/CPU_AND_GPU"]), chips=("M4",), fix=True)
    record = api.verify("tests.verification.test_network:net", folder / "f", str(folder / "x.npz"), policy, options)
    assert record.verdict is Verdict.FAIL
    assert record.fix is not None
    assert {attempt.precision for attempt in record.fix.attempts} == {Precision.FP32}
    assert "as an ML Program in fp32" in record.fix.attempts[0].change
