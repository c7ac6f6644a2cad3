"""`make demo` does what the READMEs say: it verifies MobileNetV2 on photos, and the right classes come out."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from examples.photos import PHOTOS, copy_photos
from mlparity.api import read_any_record
from mlparity.core.words import Precision, Provenance, Verdict
from mlparity.record.causes import CauseKind
from mlparity.record.record import Record
from mlparity.record.rows import RowState, SettingResult
from mlparity.targets.coreml.session import open_package
from tests.models import samples
from tests.models.files import PACKAGES, ROOT


def demo_command(photos: Path, out: Path) -> list[str]:
    """The recipe of `make demo` with other folders."""
    recipe = re.search(r"^demo:.*\n((?:\t.*\n)+)", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert recipe is not None
    text = recipe[1].replace("\\\n", " ").replace("$(BIN)", str(Path(sys.executable).parent))
    return [{"build/photos": str(photos), "out/demo": str(out)}.get(word, word) for word in shlex.split(text)]


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("demo")
    copy_photos(PACKAGES, folder / "photos")
    command = demo_command(folder / "photos", folder / "out")
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert str(folder / "out" / "report.html") in done.stdout
    assert str(folder / "out" / "record.json") in done.stdout
    return folder / "out"


@pytest.fixture(scope="module")
def record(out: Path) -> Record:
    found = read_any_record(out)
    assert isinstance(found, Record)
    return found


def compared(record: Record, target: str, precision: Precision) -> list[SettingResult]:
    return [
        row
        for row in record.settings
        if row.state is RowState.COMPARED and (row.setting.target, row.setting.precision) == (target, precision)
    ]


def test_fp32_agrees_as_litert_does(record: Record) -> None:
    (litert,) = compared(record, "litert", Precision.FP32)
    for row in compared(record, "coreml", Precision.FP32):
        (figures,), (witness,) = row.outputs, litert.outputs
        bound = max(2 * (witness.figures["max_abs"] or 0.0), 2e-6 * figures.scale)
        assert (figures.figures["max_abs"] or 0.0) <= bound
        assert row.verdict is Verdict.PASS


def test_fp16_differs_by_the_known_size_and_the_cause_is_precision(record: Record) -> None:
    rows = compared(record, "coreml", Precision.FP16)
    assert len(rows) == 4
    for row in rows:
        (figures,) = row.outputs
        assert 1e-4 <= (figures.figures["max_abs"] or 0.0) / figures.scale <= 2e-2
        assert figures.flips is not None
        assert figures.flips.flipped == 0
    assert record.cause.kind is CauseKind.PRECISION


def test_the_network_is_one_file_exact_on_the_cpu_and_off_elsewhere(record: Record) -> None:
    cpu, *others = compared(record, "coreml", Precision.NEURAL_NETWORK)
    (figures,) = cpu.outputs
    assert (figures.figures["max_abs"] or 0.0) <= 2e-6 * figures.scale
    assert (cpu.verdict, cpu.provenance, cpu.causes) == (Verdict.PASS, Provenance.COMPUTED, ())
    assert len(others) == 3
    for row in others:
        (figures,) = row.outputs
        assert 1e-4 <= (figures.figures["max_abs"] or 0.0) / figures.scale <= 2e-2
        assert [cause.kind for cause in row.causes] == [CauseKind.COMPUTE_UNIT]
        assert row.artifact == cpu.artifact


def test_the_processors_differ_and_the_cpu_most(record: Record) -> None:
    """Sums in fp16 on the CPU, in fp32 on the GPU, in fixed point on the Neural Engine (docs/numerics.md)."""
    (row,) = [row for row in record.settings if str(row.setting) == "fp16/ALL"]
    assert row.envelope is not None
    found = {run.profiles[0].partition("-")[0]: run.figures["logits"]["rmse"] or 0.0 for run in row.envelope.runs}
    assert set(found) == {"cpu", "gpu", "ne"}
    assert len(set(found.values())) == 3
    assert found["cpu"] > 1.5 * max(found["gpu"], found["ne"])
    assert row.envelope.dominating.startswith("cpu")


def test_every_setting_that_passes_sees_what_is_on_the_photos(record: Record, out: Path) -> None:
    passing = [row for row in record.settings if row.verdict is Verdict.PASS and row.setting.unit is not None]
    assert passing
    for row in passing:
        assert row.setting.unit is not None
        with open_package(out / row.artifact, row.setting.unit) as session:
            seen = [int(np.argmax(session.run(sample)["logits"])) for sample in samples.photos()]
        assert seen == list(PHOTOS.values()), row.setting
