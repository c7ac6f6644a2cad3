"""The cause and the op of every model of the corpus; others exist, so nothing here may be fitted to these."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from mlparity.record.causes import CauseKind
from mlparity.report.causes import cause_text
from mlparity.verification.explain_package import explain_package
from tests.faults.corpus import corpus
from tests.faults.fault import Answer, Fault
from tests.loading import load_source

ROOT = Path(__file__).resolve().parents[2]


def test_cause_and_op_are_right(tmp_path: Path) -> None:
    make_artifacts(tmp_path)
    pairs = [(each, answer(each, tmp_path)) for each in corpus()]
    faulty = [pair for pair in pairs if pair[0].kinds != {CauseKind.NONE}]
    healthy = [pair for pair in pairs if pair[0].kinds == {CauseKind.NONE}]
    assert len(faulty) >= 40
    assert len(healthy) >= 10
    wrong_cause = [found for each, found in faulty if found.kind not in each.kinds]
    wrong_op = [found for each, found in faulty if each.ops and not is_named(each, found)]
    with_op = sum(bool(each.ops) for each, _ in faulty)
    assert len(wrong_cause) <= 0.05 * len(faulty), wrong_cause
    assert len(wrong_op) <= 0.1 * with_op, wrong_op
    assert [found for _, found in healthy if found.kind is not CauseKind.NONE] == []


def make_artifacts(folder: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join((str(ROOT / "src"), str(ROOT)))}
    command = [sys.executable, "-m", "tests.faults.corpus", str(folder)]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def answer(fault: Fault, folder: Path) -> Answer:
    samples = fault.samples()
    source = load_source(fault.source(), samples[0])
    cause = explain_package(
        folder / f"{fault.name}.mlpackage", source, {str(place): each for place, each in enumerate(samples)}
    )
    first = tuple(f"{op.type} {op.name} {op.origin}" for op in cause.ops[:3])
    return Answer(fault.name, cause.kind, cause_text(cause), first)


def is_named(fault: Fault, found: Answer) -> bool:
    return any(wanted in name for wanted in fault.ops for name in found.ops)
