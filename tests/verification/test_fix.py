"""The cure, tried: what is printed makes the file that passed, and where nothing helps, that is said."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

import mlparity
from mlparity.core.errors import InputError
from mlparity.core.words import Verdict
from mlparity.engine.mil.printer import print_program
from mlparity.engine.reading import read_program
from mlparity.record.fix import Fix
from mlparity.record.record import Record
from mlparity.report.fix import fix_lines
from mlparity.targets.artifacts import artifact_sha256
from mlparity.verification import fix
from tests.faults.fault import normal

SAMPLES = normal(1, 8, count=2)


class Large(nn.Module):
    """A square that fp16 cannot hold, and an output in a dictionary."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.middle, self.last = nn.Linear(8, 16), nn.Linear(16, 16), nn.Linear(16, 4)

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        wide = (self.first(x).relu() * 300 + 300) ** 2 / 90000
        return {"logits": self.last(self.middle(wide).tanh())}


class Small(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(8, 4)

    def forward(self, x: Tensor) -> Tensor:
        return self.layer(x)


def large() -> nn.Module:
    torch.manual_seed(0)
    return Large().eval()


def small() -> nn.Module:
    torch.manual_seed(1)
    return Small().eval()


def older() -> nn.Module:
    torch.manual_seed(2)
    return Small().eval()


def verified(source: str, out: Path, setting: str, *artifacts: Path) -> Record:
    options = mlparity.VerifyOptions(
        settings=mlparity.settings_from([setting]), artifacts=artifacts, chips=("M4",), fix=True
    )
    samples = [dict(sample) for sample in SAMPLES]
    return mlparity.verify(f"tests.verification.test_fix:{source}", out, samples, "task", options)


def run_again(out: Path, found: Fix) -> Path:
    """Run the printed script as it is, in a folder of its own."""
    folder = out.with_name("again")
    folder.mkdir()
    for name in (found.script, "fix_inputs.npz"):
        (folder / name).write_bytes((out / name).read_bytes())
    command = [sys.executable, "-W", "ignore", str(folder / found.script)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return folder / found.package


def content_of(package: Path) -> tuple[str, list[bytes]]:
    """Return the program and its weights; a manifest has new random identifiers each time."""
    weights = sorted(path.read_bytes() for path in package.rglob("*.bin"))
    return print_program(read_program(package)), weights


def test_ops_that_overflow_are_kept_in_fp32_and_the_script_makes_the_verified_file(tmp_path: Path) -> None:
    record = verified("large", tmp_path / "out", "fp16/CPU_ONLY")
    found = record.fix
    assert record.verdict is Verdict.FAIL
    assert found is not None
    assert found.after is not None
    assert found.after < 0.1
    assert found.before == float("inf")
    assert found.attempts[-1].change == "converted again, by torch.jit.trace, with a few ops in fp32"
    assert "ct.convert(" in found.call
    assert "FP32_OPS" in found.call
    assert found.call in (tmp_path / "out" / found.script).read_text()
    kept, again = tmp_path / "out" / found.package, run_again(tmp_path / "out", found)
    assert artifact_sha256(kept) == found.sha256
    assert content_of(again) == content_of(kept)
    assert mlparity.read_any_record(tmp_path / "out") == record
    assert not list((tmp_path / "out").glob("*fix_*/"))
    report = (tmp_path / "out" / "report.md").read_text()
    assert "    converted = ct.convert(" in report


@pytest.mark.parametrize(
    ("target", "suffix", "setting"), [("coreml", "mlpackage", "fp16/CPU_ONLY"), ("litert", "tflite", "litert/fp32")]
)
def test_an_artifact_of_other_weights_is_made_anew(tmp_path: Path, target: str, suffix: str, setting: str) -> None:
    first = verified("older", tmp_path / "first", setting)
    assert first.fix == Fix(first.recommendation.setting)
    (stale,) = (tmp_path / "first").glob(f"*.{suffix}")
    record = verified("small", tmp_path / "out", setting, stale)
    found = record.fix
    assert found is not None
    assert str(found.setting) == setting
    assert found.before is not None
    assert found.after is not None
    assert found.after < 1e-2 < found.before
    assert found.package == f"fixed.{suffix}"
    if target == "litert":
        assert artifact_sha256(run_again(tmp_path / "out", found)) == found.sha256


def test_where_nothing_helps_that_is_said(tmp_path: Path) -> None:
    policy = mlparity.Policy("exact", (mlparity.Limit("max_abs", at_most=0.0),), noise_factor=0.0)
    options = mlparity.VerifyOptions(
        settings=mlparity.settings_from(["fp32/CPU_ONLY"]), deployment_target="iOS17", fix=True
    )
    samples = [dict(sample) for sample in SAMPLES]
    record = mlparity.verify("tests.verification.test_fix:large", tmp_path / "out", samples, policy, options)
    assert record.fix is not None
    assert record.fix.setting is None
    assert record.fix.package == ""
    cure, *tried = fix_lines(record)
    assert cure.startswith("No cure was found here")
    assert len(tried) == len(record.fix.attempts) > 1
    assert all("does not pass" in line for line in tried)


def test_cures_end_with_their_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fix, "BUDGET_S", 0)
    policy = mlparity.Policy("exact", (mlparity.Limit("max_abs", at_most=0.0),), noise_factor=0.0)
    options = mlparity.VerifyOptions(settings=mlparity.settings_from(["fp32/CPU_ONLY"]), fix=True)
    samples = [dict(sample) for sample in SAMPLES]
    record = mlparity.verify("tests.verification.test_fix:large", tmp_path / "out", samples, policy, options)
    _, *tried = fix_lines(record)
    assert tried == ["converted again, by torch.jit.trace: not tried: the 0 minutes for cures are over"]


def test_an_object_has_no_script(tmp_path: Path) -> None:
    options = mlparity.VerifyOptions(settings=mlparity.settings_from(["fp32/CPU_ONLY"]), fix=True)
    with pytest.raises(InputError, match="a script cannot load this source") as caught:
        mlparity.verify(small(), tmp_path / "out", [dict(SAMPLES[0])], options=options)
    assert "model.py:factory" in str(caught.value)
    assert not (tmp_path / "out").exists()


def test_a_carried_state_is_refused(tmp_path: Path) -> None:
    """A second pass over the samples would go on with the state of the first."""
    options = mlparity.VerifyOptions(carry={"output": "x"}, fix=True)
    with pytest.raises(InputError, match="samples that stand alone"):
        mlparity.verify("tests.verification.test_fix:small", tmp_path / "out", [dict(SAMPLES[0])], options=options)
    assert not (tmp_path / "out").exists()
