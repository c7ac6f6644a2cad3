"""The explanation of the same difference is taken from the cache; one of any other is made."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from mlparity.api import verify
from mlparity.compare.policies import CONSISTENCY
from mlparity.core.budget import Budget, check_budget, may_be_left, within
from mlparity.core.errors import ExecutionError
from mlparity.core.session import SampleSet
from mlparity.core.shortages import note_shortage
from mlparity.core.words import Verdict
from mlparity.record.causes import Cause, CauseKind
from mlparity.record.record import Record
from mlparity.samples.memory import memory_samples
from mlparity.targets.table import settings_from
from mlparity.verification import explain, explain_package
from mlparity.verification.job import Job
from mlparity.verification.kept_explanations import Findings, LookedAt, _entry, kept_or_made
from mlparity.verification.options import VerifyOptions
from tests.faults.networks import Convolutions, seeded
from tests.loading import load_source

OPTIONS = VerifyOptions(settings=settings_from(["fp16/CPU_ONLY"]), chips=("M4",))
DATA = [{"x": draw} for draw in np.random.default_rng(0).random((3, 1, 3, 12, 12), np.float32)]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("kept")
        patch.setenv("MLPARITY_CACHE", str(folder / "cache"))
        yield folder


@pytest.fixture(scope="module")
def first(place: Path) -> Record:
    return verify(seeded(Convolutions)(), place / "first", memory_samples(DATA), options=OPTIONS)


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """The artifacts that are explained from here on."""
    packages, whole = list[Path](), explain_package.worst_case

    def counted(package: Path, *rest: object) -> object:
        packages.append(package)
        return whole(package, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(explain, "worst_case", counted)
    return packages


def test_another_policy_takes_the_explanation_that_was_made(place: Path, first: Record, made: list[Path]) -> None:
    again = verify(seeded(Convolutions)(), place / "again", memory_samples(DATA), policy="task", options=OPTIONS)
    assert (first.verdict, again.verdict, made) == (Verdict.FAIL, Verdict.PASS, [])
    assert again.drift == first.drift
    assert again.drift is not None
    same = verify(seeded(Convolutions)(), place / "same", memory_samples(DATA), options=OPTIONS)
    assert (same.cause, same.settings[0].causes, made) == (first.cause, first.settings[0].causes, [])


OTHERS = {
    "another sample": (Convolutions, [DATA[0], {"x": DATA[1]["x"] + np.float32(0.01)}, DATA[2]], OPTIONS),
    "no cache": (Convolutions, DATA, replace(OPTIONS, cache=False)),
    "another artifact": (Convolutions, DATA, replace(OPTIONS, settings=settings_from(["neuralnetwork/CPU_AND_NE"]))),
}


@pytest.mark.parametrize("other", OTHERS)
@pytest.mark.usefixtures("first")
def test_anything_else_is_explained_anew(place: Path, made: list[Path], other: str) -> None:
    network, data, options = OTHERS[other]
    verify(seeded(network)(), place / "other", memory_samples(data), options=options)
    assert made


def test_an_entry_that_is_not_whole_is_made_again(place: Path, first: Record, made: list[Path]) -> None:
    entries = [each for each in (place / "cache").glob("*/entry.json") if "explanation" in each.read_text()]
    for number, entry in enumerate(entries):
        entry.write_text(['{"explanation": {"causes": 1}}', "{", "[]", "[" * 10_000][number % 4])
    again = verify(seeded(Convolutions)(), place / "mended", memory_samples(DATA), options=OPTIONS)
    assert made
    assert again.cause == first.cause


def looked_at(stage: Path, record: Record, samples: SampleSet) -> LookedAt:
    source = load_source(seeded(Convolutions)(), DATA[0])
    job = Job(source, samples, CONSISTENCY, OPTIONS, (), stage)
    return LookedAt(record.settings[0], None, job, {"0": DATA[0]}, {"0": DATA[0]})


DONE = Findings((Cause(CauseKind.OVERFLOW, ()),))


def undone() -> Findings:
    with may_be_left("the rest"):
        check_budget()
    return DONE


def short() -> Findings:
    try:
        raise ExecutionError("the source failed") from RuntimeError("can't allocate memory: you tried 4 bytes")
    except ExecutionError as error:
        note_shortage(error)
    return DONE


@pytest.mark.parametrize(
    ("made", "is_kept"),
    [
        (lambda: DONE, True),
        (lambda: replace(DONE, failure="it failed"), False),
        (undone, False),
        (short, False),
    ],
    ids=["whole", "failed", "left out", "short of memory"],
)
def test_what_is_not_whole_is_not_kept(
    place: Path, first: Record, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, made: object, is_kept: bool
) -> None:
    monkeypatch.setenv("MLPARITY_CACHE", str(tmp_path / "cache"))
    at = looked_at(place / "first", first, memory_samples(DATA))
    with within(Budget(1e-9 if made is undone else 100.0)):
        kept_or_made(at, made)  # type: ignore[arg-type]
    other = Findings((Cause(CauseKind.NONE, ()),))
    assert kept_or_made(at, lambda: other) == (DONE if is_kept else other)


def test_a_folder_that_cannot_be_written_costs_the_cache_alone(
    place: Path, first: Record, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "cache").write_text("a file")
    monkeypatch.setenv("MLPARITY_CACHE", str(tmp_path / "cache"))
    assert kept_or_made(looked_at(place / "first", first, memory_samples(DATA)), lambda: DONE) == DONE


def test_code_that_is_in_no_file_is_not_known(place: Path, first: Record, tmp_path: Path) -> None:
    """A class of a notebook's cell may be another one under the same name."""
    unseen = type("Unseen", (Convolutions,), {"__module__": "a_notebook"})
    at = looked_at(place / "first", first, memory_samples(DATA))
    assert _entry(at) is not None
    source = load_source(seeded(unseen)(), DATA[0])
    assert _entry(replace(at, job=replace(at.job, source=source))) is None
