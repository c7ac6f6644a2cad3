"""The causes and the ops of every model of the corpus; others exist, so nothing here may be fitted to these."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import pytest

from benchmarks.cures import outcome_of
from mlparity import VerifyOptions, verify
from mlparity.engine.mil.printer import print_program
from mlparity.engine.reading import read_program
from mlparity.record.causes import Cause, CauseKind
from mlparity.report.causes import cause_text
from mlparity.targets.artifacts import kind_of
from mlparity.targets.table import settings_from
from mlparity.verification.explain_artifact import explain_artifact
from tests.faults.corpus import corpus, newer
from tests.faults.fault import COREML, Answer, Fault
from tests.loading import load_source
from tests.report.contradictions import contradictions, of_cause
from tests.report.names import of_names

ROOT = Path(__file__).resolve().parents[2]
RIGHT = 0.97


@pytest.fixture(scope="module")
def artifacts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("artifacts")
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join((str(ROOT / "src"), str(ROOT)))}
    command = [sys.executable, "-m", "tests.faults.corpus", str(folder)]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return folder


def test_cause_and_op_are_right(artifacts: Path) -> None:
    check([(each, explained(each, artifacts)) for each in corpus()], 40)


@pytest.mark.filterwarnings("ignore:The PyTorch API of nested tensors:UserWarning")
def test_causes_of_other_kinds_are_right(artifacts: Path) -> None:
    check([(each, explained(each, artifacts)) for each in newer()], 90)


@pytest.mark.filterwarnings("ignore:The PyTorch API of nested tensors:UserWarning")
@pytest.mark.parametrize("name", ["encoder_with_both", "litert_nearest", "image_without_bias", "branch_on_a_sum"])
def test_a_row_of_a_verification_has_the_causes(name: str, artifacts: Path, tmp_path: Path) -> None:
    fault = next(each for each in newer() if each.name == name)
    found = verified(fault, artifacts, tmp_path)
    assert is_right(fault, found)
    assert found.contradictions == ()


@pytest.mark.parametrize("name", ["image_without_bias", "padding_mask_inverted", "weights_in_onnx"])
def test_the_printed_script_of_a_cure_makes_the_verified_file(name: str, artifacts: Path, tmp_path: Path) -> None:
    fault = next(each for each in newer() if each.name == name)
    found = outcome_of(fault, artifacts, tmp_path / "out")
    assert found.is_cured, found.text
    assert found.is_made_again, found.text


def check(pairs: list[tuple[Fault, Answer]], least: int) -> None:
    faulty = [pair for pair in pairs if pair[0].kinds != {CauseKind.NONE}]
    healthy = [pair for pair in pairs if pair[0].kinds == {CauseKind.NONE}]
    assert len(faulty) >= least
    assert len(healthy) >= 10
    wrong = [found for each, found in faulty if not is_right(each, found)]
    assert len(wrong) <= (1 - RIGHT) * len(faulty), wrong
    assert [found for _, found in healthy if found.kinds != (CauseKind.NONE,)] == []
    assert [found.contradictions for _, found in pairs if found.contradictions] == []


def explained(fault: Fault, folder: Path) -> Answer:
    samples = fault.samples()
    source = load_source(fault.source(), samples[0])
    by_name = {str(position): sample for position, sample in enumerate(samples)}
    artifact = folder / f"{fault.name}{fault.suffix}"
    causes = explain_artifact(artifact, source, by_name)
    against = (*(each for cause in causes for each in of_cause(cause)), *contradicted_names(causes, artifact))
    return answer(fault.name, causes, " ".join(map(cause_text, causes)), against)


def answer(name: str, causes: Sequence[Cause], text: str, against: Iterable[str]) -> Answer:
    first = tuple(f"{op.type} {op.name} {op.origin}" for cause in causes for op in cause.ops[:3])
    return Answer(name, tuple(cause.kind for cause in causes), text, first, tuple(against))


def contradicted_names(causes: Sequence[Cause], artifact: Path) -> Iterator[str]:
    program = print_program(read_program(artifact)) if artifact.suffix == COREML else ""
    return of_names(causes, program, SOURCES)


SOURCES = frozenset(path.name for path in Path(__file__).parent.glob("*.py"))


def verified(fault: Fault, folder: Path, out: Path) -> Answer:
    artifact = folder / f"{fault.name}{fault.suffix}"
    target, precision = kind_of(artifact)
    setting = f"{precision}/CPU_ONLY" if fault.suffix == COREML else f"{target}/{precision}"
    options = VerifyOptions(settings=settings_from([setting]), artifacts=(artifact,))
    record = verify(fault.source(), out / fault.name, fault.samples(), options=options)
    [row] = record.settings
    causes = row.causes if row.causes else (record.cause,)
    text = " ".join(cause_text(cause, record.settings, record.rungs) for cause in causes)
    return answer(fault.name, causes, text, (*contradictions(record), *contradicted_names(causes, artifact)))


def is_right(fault: Fault, found: Answer) -> bool:
    kinds = set(map(str, found.kinds))
    is_named = bool(kinds & fault.kinds) and kinds <= fault.kinds | fault.also and fault.also <= kinds
    # A layer with other weights is named itself.
    named = (*found.ops, found.text) if kinds == {CauseKind.WEIGHTS} else found.ops
    has_op = not fault.ops or any(wanted in name for wanted in fault.ops for name in named)
    told = all(word in found.text for word in fault.words) and all(is_told(each, found.text) for each in fault.numbers)
    return is_named and has_op and told


def is_told(number: float, text: str) -> bool:
    shown = (float(each) for each in re.findall(r"-?\d+\.?\d*(?:e-?\d+)?", text))
    return any(abs(each - number) <= 0.02 * abs(number) for each in shown)
