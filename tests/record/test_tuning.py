"""A tuning as JSON, whole or not at all."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path

import pytest

from mlparity.core.errors import FormatError
from mlparity.core.tuning import KeptOp, Tried, Tuning
from mlparity.core.words import Verdict
from mlparity.record.tuning import read_tuning, write_tuning
from tests.record.example import example_record

OUTPUT = example_record().settings[0].outputs[0]
BROKEN = replace(OUTPUT, figures={"snr_db": math.inf, "psnr_db": -math.inf, "cosine": math.nan, "max_abs": 0.5})
TUNING = Tuning(
    package="tuned.mlpackage",
    policy="consistency",
    settings=("fp16/ALL",),
    kept=(KeptOp("exp_1", "exp", "tune", "it overflows"),),
    selector="lambda op: op.name != 'exp_1'  # größer",
    before=Tried(Verdict.FAIL, (BROKEN,), 10, 3, 0),
    after=Tried(Verdict.PASS, (OUTPUT,), 11, 2, 1),
    conversions=4,
    sentence="One op stays in fp32.",
)


def test_a_tuning_is_json_with_texts_for_what_is_not_finite(tmp_path: Path) -> None:
    write_tuning(TUNING, tmp_path / "tuning.json")
    text = (tmp_path / "tuning.json").read_text(encoding="utf-8")
    assert text.endswith("}\n")
    assert "größer" in text
    data = json.loads(text, parse_constant=lambda name: name + " is no JSON")
    figures = data["before"]["outputs"][0]["figures"]
    assert figures == {"snr_db": "Infinity", "psnr_db": "-Infinity", "cosine": "NaN", "max_abs": 0.5}
    assert data["kept"] == [{"name": "exp_1", "type": "exp", "by": "tune", "why": "it overflows"}]
    assert [entry.name for entry in tmp_path.iterdir()] == ["tuning.json"]


def test_a_tuning_survives_the_file(tmp_path: Path) -> None:
    whole = replace(TUNING, before=TUNING.after)
    write_tuning(whole, tmp_path / "tuning.json")
    assert read_tuning(tmp_path / "tuning.json") == whole


@pytest.mark.parametrize("content", [None, "", "[", "[]", '{"package": 3}', "[" * 100_000])
def test_what_is_no_tuning_is_refused(tmp_path: Path, content: str | None) -> None:
    path = tmp_path / "tuning.json"
    if content is not None:
        path.write_text(content)
    with pytest.raises(FormatError, match="this is not a tuning") as caught:
        read_tuning(path)
    assert caught.value.where == str(path)
