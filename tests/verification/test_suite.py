"""A suite: each model is shown for what it is, and only what has changed is run again."""

from __future__ import annotations

import shutil
from pathlib import Path
from xml.etree import ElementTree

import pytest

from mlparity import api
from mlparity.core.errors import InputError
from mlparity.core.words import Verdict
from mlparity.record.changes import Direction
from mlparity.record.suite import SuiteEntry, suite_verdict
from mlparity.verification import suite
from mlparity.verification.suite_file import read_suite
from mlparity.verification.verify import run_verification

NETS = """
import torch
from torch import nn

class Line(nn.Module):
    def __init__(self, seed):
        super().__init__()
        torch.manual_seed(seed)
        self.line = nn.Linear(4, 3)

    def forward(self, x):
        return torch.tanh(self.line(x))

class Refused(nn.Module):
    def forward(self, x):
        return torch.linalg.eigvals(x @ x.T).real.sort().values

def good():
    return Line(SEED).eval()

def other():
    return Line(1).eval()

def refused():
    return Refused().eval()

def raising():
    raise RuntimeError("no weights <here>")
"""
FILE = """
[models.good]
source = "suite_nets.py:good"
shapes = ["x:1,4"]
limit = 2
settings = ["fp32/CPU_ONLY"]
policy = "task"

[models.failing]
source = "suite_nets.py:other"
shapes = ["x:1,4"]
limit = 2
settings = ["fp16/CPU_ONLY"]
policy = "strict.toml"

[models.refused]
source = "suite_nets.py:refused"
shapes = ["x:3,3"]
limit = 1
settings = ["fp32/CPU_ONLY"]

[models.raising]
source = "suite_nets.py:raising"
shapes = ["x:1,4"]
"""


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "suite_nets.py").write_text(NETS.replace("SEED", "0"))
    (tmp_path / "models.toml").write_text(FILE)
    (tmp_path / "strict.toml").write_text('required = ["fp16/CPU_ONLY"]\nlimits.max_abs = {at_most = 1e-12}\n')
    monkeypatch.chdir(tmp_path)
    return tmp_path


def verified(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return the list that the name of each model is added to when it is verified."""
    names: list[str] = []
    run = run_verification

    def counting(source: str, *rest: object) -> object:
        names.append(source.rpartition(":")[2])
        return run(source, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(suite, "run_verification", counting)
    return names


def test_each_model_is_shown_for_what_it_is_and_unchanged_ones_are_left(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = verified(monkeypatch)
    entries = {entry.name: entry for entry in api.verify_suite("models.toml", "out")}
    assert (entries["good"].verdict, entries["failing"].verdict) == (Verdict.PASS, Verdict.FAIL)
    assert entries["refused"].record is None
    assert "convert" in entries["refused"].failure
    assert entries["raising"].record is None
    assert "no weights <here>" in entries["raising"].failure
    assert suite_verdict(entries.values()) is Verdict.FAIL
    text, page = (place / "out/index.md").read_text(), (place / "out/index.html").read_text()
    assert text.startswith("# fail: 4 models, 1 pass, 1 fail, 2 not verified")
    assert '<a href="good/report.html">good</a>' in page
    assert "no weights &lt;here&gt;" in page
    assert 'href="raising' not in page
    suites = ElementTree.parse(place / "out/junit.xml").getroot()
    counted = {each.get("name"): (each.get("failures"), each.get("errors")) for each in suites}
    assert counted["mlparity: good"] == ("0", "0")
    assert counted["mlparity: failing"] != ("0", "0")
    assert counted["mlparity: raising"] == ("0", "1")

    shutil.copytree("out", "before")
    names.clear()
    again = {entry.name: entry for entry in api.verify_suite("models.toml", "out")}
    assert names == ["refused"], "what could not be verified is tried again; a factory that raises has no key"
    assert again["good"].is_kept
    assert again["failing"].is_kept
    assert again["good"].record == entries["good"].record
    assert (place / "out/index.md").read_text().count("unchanged since an earlier run") == 2
    assert api.record_changes(Path("before"), Path("out")).changes == ()
    with pytest.raises(InputError, match="a suite is compared with a suite"):
        api.record_changes(Path("before"), Path("out/good"))

    names.clear()
    (place / "strict.toml").write_text('required = ["fp16/CPU_ONLY"]\nlimits.max_abs = {at_most = 1.0}\n')
    assert {entry.name: entry.verdict for entry in api.verify_suite("models.toml", "out")}["failing"] is Verdict.PASS
    assert sorted(names) == ["other", "refused"]
    changed = api.record_changes(Path("before"), Path("out")).changes
    assert {change.subject for change in changed} >= {"failing: policy", "failing: all"}
    assert all(change.subject.startswith("failing: ") for change in changed)

    (place / "out/good/record.json").write_text("{}")
    torn = {entry.name: entry for entry in api.verify_suite("models.toml", "out")}
    assert "holds something else" in torn["good"].failure, "what is not ours is neither taken for a result nor removed"
    lost = [each for each in api.record_changes(Path("before"), Path("out")).changes if each.subject == "good: model"]
    assert [(each.before, each.direction) for each in lost] == [("pass", Direction.WORSE)]


def test_workers_show_the_same_of_each_model(place: Path) -> None:
    pytest.importorskip("ray", reason="Ray has no wheel for this machine")
    stages = set[str]()
    found = api.verify_suite("models.toml", "out", lambda stage, *_: stages.add(stage), "local:2")
    entries = {entry.name: entry for entry in found}
    assert [entry.verdict for entry in entries.values()] == [
        *(Verdict.PASS, Verdict.FAIL, Verdict.UNKNOWN, Verdict.UNKNOWN)
    ]
    assert "convert" in entries["refused"].failure
    assert "no weights <here>" in entries["raising"].failure
    assert "models on 2 workers" in stages
    assert (place / "out/good/report.html").exists()
    assert (place / "out/index.md").read_text().startswith("# fail: 4 models, 1 pass, 1 fail, 2 not verified")

    (place / "models.toml").write_text(FILE.split("[models.refused]")[0])
    again = api.verify_suite("models.toml", "out", ray="local:2")
    assert [entry.is_kept for entry in again] == [True, True]


def test_other_weights_of_one_model_run_that_one_again(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    models = FILE.split("[models.refused]")[0]
    (place / "models.toml").write_text(models.replace("suite_nets.py:other", "suite_others.py:other"))
    (place / "suite_others.py").write_text(NETS.replace("SEED", "0"))
    monkeypatch.setattr("mlparity.verification.cache.code_sha256", lambda: "")
    names = verified(monkeypatch)
    api.verify_suite("models.toml", "out")
    (place / "suite_nets.py").write_text(NETS.replace("SEED", "7"))
    names.clear()
    entries = api.verify_suite("models.toml", "out")
    assert names == ["good"]
    assert [entry.is_kept for entry in entries] == [False, True]


def test_a_stop_tells_that_verified_models_are_kept(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (place / "models.toml").write_text(FILE.split("[models.refused]")[0])
    run = run_verification

    def stopped(source: str, *rest: object) -> object:
        if source.endswith(":other"):
            raise KeyboardInterrupt
        return run(source, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(suite, "run_verification", stopped)
    with pytest.raises(KeyboardInterrupt, match=r"goes on with the other models; 1 of 2 is in .*out"):
        api.verify_suite("models.toml", "out")
    monkeypatch.setattr(suite, "run_verification", run)
    assert [entry.is_kept for entry in api.verify_suite("models.toml", "out")] == [True, False]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[models.a]\nsource = 'a:b'\nsetings = []", "did you mean settings"),
        ("[models.'../a']\nsource = 'a:b'", "a name that a folder can have"),
        ("[models.a]\ninputs = 'x'", "source"),
        ("[models.A]\nsource = 'a:b'\n[models.a]\nsource = 'a:b'", "capital letters"),
        ("[models]", "at least one model"),
        ("models = 3", "table"),
        ("", "models"),
    ],
)
def test_a_wrong_file_is_told(place: Path, text: str, told: str) -> None:
    (place / "wrong.toml").write_text(text)
    with pytest.raises(InputError, match=told):
        read_suite(place / "wrong.toml")


def test_what_could_not_be_verified_is_no_agreement() -> None:
    assert suite_verdict([]) is Verdict.UNKNOWN
    assert suite_verdict([SuiteEntry("lost", None, "why")]) is Verdict.UNKNOWN
