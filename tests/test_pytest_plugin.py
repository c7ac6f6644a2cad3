"""The fixture in a test run of its own, as a user's project has it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

PROJECT = """
import coremltools as ct
import pytest
import torch
from mlparity.targets.table import settings_from
from mlparity.verification.options import VerifyOptions

OPTIONS = VerifyOptions(settings=settings_from(["fp32/CPU_ONLY"]))
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
    record = assert_parity(Net().eval(), package, [{"x": X}])
    assert [str(row.setting) for row in record.settings] == [
        "fp32/CPU_ONLY", "fp32/CPU_AND_GPU", "fp32/CPU_AND_NE", "fp32/ALL"
    ]


def test_a_conversion_agrees(assert_parity):
    assert_parity(Net().eval(), inputs=[{"x": X}], options=OPTIONS)


def test_another_source_does_not(assert_parity, package, tmp_path):
    try:
        assert_parity(Other().eval(), package, [{"x": X}], options=OPTIONS)
    finally:
        assert (tmp_path / "parity-0" / "report.html").exists()
"""


def test_the_fixture_fails_with_the_report(tmp_path: Path) -> None:
    (tmp_path / "test_models.py").write_text(PROJECT)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:anyio", "-W", "ignore"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=300)
    assert "1 failed, 2 passed" in done.stdout, done.stdout + done.stderr
    assert "Other: fail" in done.stdout
    assert "| setting | provenance |" in done.stdout
    assert "report.html" in done.stdout
