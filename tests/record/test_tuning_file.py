"""A tuning comes back from its file, by which an output folder is known as one of ours."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path

import pytest

from mlparity.core.errors import FormatError
from mlparity.core.words import Verdict
from mlparity.record.tuning import KeptOp, Tried, Tuning
from mlparity.record.tuning_file import read_tuning, write_tuning
from tests.record.example import example_record

OUTPUTS = next(row.outputs for row in example_record().settings if row.outputs)
TRIED = Tried(Verdict.FAIL, OUTPUTS, 1000, 7, 2)
TUNING = Tuning(
    package="net_tuned.mlpackage",
    policy="task",
    settings=("fp16/ALL",),
    kept=(KeptOp("op", "exp", "tune", "without it the policy does not hold"),),
    selector="def selector(op): ...",
    before=TRIED,
    after=replace(TRIED, verdict=Verdict.PASS),
    conversions=3,
    sha256="0" * 64,
)


def test_a_tuning_comes_back(tmp_path: Path) -> None:
    write_tuning(TUNING, tmp_path / "tuning.json")
    assert read_tuning(tmp_path / "tuning.json") == TUNING


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"package": "x"}', "[" * 100_000])
def test_what_is_no_tuning_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "tuning.json").write_text(text)
    with pytest.raises(FormatError, match="not a tuning"):
        read_tuning(tmp_path / "tuning.json")


def test_a_tuning_is_json_in_one_form_with_texts_for_what_is_not_finite(tmp_path: Path) -> None:
    output = replace(example_record().settings[0].outputs[0], figures={"snr_db": math.inf, "cosine": math.nan})
    tuning = replace(TUNING, selector="größer", before=replace(TUNING.before, outputs=(output,)))
    write_tuning(tuning, tmp_path / "tuning.json")
    text = (tmp_path / "tuning.json").read_text(encoding="utf-8")
    assert text.startswith('{\n "after": {\n  "')
    assert text.endswith("\n}\n")
    assert '"selector": "größer"' in text
    assert json.loads(text)["before"]["outputs"][0]["figures"] == {"snr_db": "Infinity", "cosine": "NaN"}
    assert [entry.name for entry in tmp_path.iterdir()] == ["tuning.json"]
