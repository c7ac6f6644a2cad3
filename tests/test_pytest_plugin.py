"""The fixture in a test run of its own, as a user's project has it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

PROJECT = """
import coremltools as ct
import pytest
import torch

X = torch.linspace(-1, 1, 8)[None]


class Net(torch.nn.Module):
    def forward(self, x):
        return torch.sigmoid(x)


class Other(torch.nn.Module):
    def forward(self, x):
        return torch.sigmoid(x) + 0.5


@pytest.fixture(scope="module")
def package(tmp_path_factory):
    traced = torch.jit.trace(Net().eval(), X)
    model = ct.convert(
        traced,
        inputs=[ct.TensorType("x", X.shape)],
        outputs=[ct.TensorType("y")],
        compute_precision=ct.precision.FLOAT32,
        minimum_deployment_target=ct.target.iOS16,
    )
    path = tmp_path_factory.mktemp("made") / "net.mlpackage"
    model.save(str(path))
    return path


def test_the_source_agrees(assert_parity, package):
    record = assert_parity(Net().eval(), [{"x": X}], artifact=package)
    assert [str(row.setting) for row in record.settings] == [
        "fp32/CPU_ONLY", "fp32/CPU_AND_GPU", "fp32/CPU_AND_NE", "fp32/ALL"
    ]


def test_a_conversion_agrees(assert_parity):
    assert_parity(Net().eval(), [{"x": X}], settings=["fp32/CPU_ONLY"])


def test_a_named_setting_that_fails_is_not_made_good_by_another(assert_parity):
    with pytest.raises(AssertionError, match="fp16/CPU_ONLY"):
        assert_parity(Net().eval(), [{"x": X}], policy="consistency", settings=["fp32/CPU_ONLY", "fp16/CPU_ONLY"])
    assert_parity(Net().eval(), [{"x": X}], policy="consistency", settings=["fp32/CPU_ONLY", "fp16/*"])


def test_another_source_does_not(assert_parity, package, tmp_path):
    try:
        assert_parity(Other().eval(), [{"x": X}], artifact=package, settings=["fp32/*"])
    finally:
        assert (tmp_path / "parity-0" / "report.html").exists()
"""


SMALL = """
import torch

X = torch.linspace(-1, 1, 8)[None]


class Net(torch.nn.Module):
    def forward(self, x):
        return torch.sigmoid(x)


def test_net(assert_parity):
    assert_parity(Net().eval(), [{"x": X}], settings=["litert/*"])
"""


def run(folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:anyio", "-W", "ignore"]
    return subprocess.run([*command, *options], cwd=folder, capture_output=True, text=True, check=False, timeout=300)


def test_the_fixture_fails_with_what_differs_and_why(tmp_path: Path) -> None:
    (tmp_path / "test_models.py").write_text(PROJECT)
    done = run(tmp_path)
    assert "1 failed, 3 passed" in done.stdout, done.stdout + done.stderr
    said = [line for line in done.stdout.splitlines() if line.startswith("E ")]
    assert len(said) <= 15
    text = "\n".join(said)
    assert "Other: fail under the policy 'consistency' on 1 sample" in text
    assert "fp32/CPU_ONLY, fp32/CPU_AND_GPU, fp32/ALL: output: max difference 0.5, allowed" in text
    assert "cause: converter" in text
    assert "recommended: No setting" in text or "recommended: No compared setting" in text
    assert "report.html" in text
    assert "boundary.py" not in done.stdout  # the way through our code tells nothing


def test_a_baseline_is_made_held_and_missed(tmp_path: Path) -> None:
    (tmp_path / "test_net.py").write_text(SMALL)
    kept = ("--mlparity-baseline", "kept", "--mlparity-report", "reports")
    missing = run(tmp_path, *kept)
    assert (missing.returncode, "--mlparity-update-baseline" in missing.stdout) == (1, True)
    made = run(tmp_path, *kept, "--mlparity-update-baseline")
    assert made.returncode == 0, made.stdout
    assert (tmp_path / "reports/test_net.py-test_net/parity-0/report.html").exists()
    (record,) = (tmp_path / "kept").iterdir()
    held = run(tmp_path, *kept)
    assert held.returncode == 0, held.stdout
    policy = run(tmp_path, *kept, "--mlparity-policy", "task")
    assert "max difference" not in policy.stdout
    text = record.read_text()
    assert text.count('"max_abs": ') > 0
    record.write_text(text.replace('"new_nan_count": 0.0', '"new_nan_count": -1.0'))
    worse = run(tmp_path, *kept)
    assert worse.returncode == 1
    assert "since the earlier record: 1 change" in worse.stdout
    assert "- litert/fp32, output: new_nan_count -1, now 0.0: worse" in worse.stdout


def test_an_update_needs_a_folder(tmp_path: Path) -> None:
    (tmp_path / "test_net.py").write_text(SMALL)
    done = run(tmp_path, "--mlparity-update-baseline")
    assert done.returncode != 0
    assert "--mlparity-update-baseline needs --mlparity-baseline DIR" in done.stdout + done.stderr
