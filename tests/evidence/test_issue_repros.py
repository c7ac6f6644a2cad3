"""Reports of users: what each comes to, and that rows nobody wrote before are run by their description alone."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from mlparity.core.errors import InputError
from tests.evidence.issue_repros import COLUMNS, CSV, Outcome, Result, outcomes

BLANK = dict.fromkeys(COLUMNS, "") | {"id": "new", "dtype": "FLOAT16", "unit": "CPU_AND_NE", "chip": "M4"}
MISH = "Conv2d(1,8,3,same)->Mish->Flatten->Linear(6*6*8,3)"
SWEEP = "31 points in [0,15]"


def _run(path: Path, **said: str) -> Iterator[Outcome]:
    row = BLANK | said
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, row)
        writer.writeheader()
        writer.writerow(row)
    return outcomes(path)


def test_each_published_report_comes_to_what_is_listed() -> None:
    found = {each.row["id"]: each.result for each in outcomes(CSV)}
    assert {name for name, result in found.items() if result is Result.INSIDE} == {
        *("2687.minimal", "2690.cliff", "2729.logcumsumexp", "2618.s3.5")
    }
    assert {name for name, result in found.items() if result is Result.NOT_RUN} == {
        *("2625.rn.all", "51.mnv2", "2359.linear0.gpu", "2068.gridsample")
    }
    assert Result.OUTSIDE not in found.values()
    assert len(found) == 16


VARIATIONS = (
    # 64 terms end at ln(65504 / 64) = 6.93, softplus at ln(32768) = 10.4; the sweep goes on by halves.
    ({"net": "delta-replicated 64 channels -> reduce_log_sum_exp over channel", "sweep": SWEEP}, "cliff_x", "7.0"),
    ({"net": "delta-replicated 4 channels -> softplus over channel", "sweep": SWEEP}, "cliff_x", "10.5"),
    ({"net": "logcumsumexp(dim=-1)", "x": [0, 11, 13]}, "threshold_x", "11.5"),
    ({"net": "Softplus only", "x": [2.0, 30.0]}, "output_for_x>20", "0"),
    ({"net": MISH, "scale": 0.5}, "max_rel", "0.0..0.01"),
)
"""Networks of other sizes and inputs, and where they must come out; each figure follows from the limits of fp16."""


@pytest.mark.parametrize(("repro", "metric", "value"), VARIATIONS)
def test_a_new_row_of_a_known_form_is_run(tmp_path: Path, repro: Mapping[str, object], metric: str, value: str) -> None:
    (found,) = _run(tmp_path / "rows.csv", repro=json.dumps(repro), metric=metric, value=value)
    assert found.result is Result.INSIDE, found.shown


@pytest.mark.parametrize(
    ("change", "shown"),
    [({"value": "5.5"}, "7 in"), ({"unit": "CPU_ONLY"}, "in no way"), ({"dtype": "FLOAT32"}, "in no way")],
)
def test_a_cliff_that_is_elsewhere_or_nowhere_is_outside(tmp_path: Path, change: dict[str, str], shown: str) -> None:
    repro = json.dumps(VARIATIONS[0][0])
    (found,) = _run(tmp_path / "rows.csv", **{"repro": repro, "metric": "cliff_x", "value": "7.0"} | change)
    assert found.result is Result.OUTSIDE
    assert shown in found.shown


def test_an_error_is_inside_between_the_least_and_the_greatest_variant(tmp_path: Path) -> None:
    said = {"repro": json.dumps({"net": MISH, "scale": 3.5}), "metric": "max_abs"}
    results = {
        value: next(_run(tmp_path / "rows.csv", value=value, **said)).result for value in ("0.1", "5", "1e-9", "1e5")
    }
    assert results == {"0.1": Result.INSIDE, "5": Result.INSIDE, "1e-9": Result.OUTSIDE, "1e5": Result.OUTSIDE}


@pytest.mark.parametrize(
    ("said", "result"),
    [
        ({"repro": '{"net": "a network of nobody"}'}, Result.NOT_RUN),
        ({"repro": "[]", "cause_class": "lowering bug"}, Result.OUT_OF_SCOPE),
        ({"repro": "{}", "dtype": "nn"}, Result.OUT_OF_SCOPE),
    ],
)
def test_what_is_not_run_says_so(tmp_path: Path, said: dict[str, str], result: Result) -> None:
    (found,) = _run(tmp_path / "rows.csv", **said)
    assert found.result is result
    assert found.shown


BROKEN = (
    ("repro", {"repro": "{"}),
    ("repro", {"repro": '{"net": "Softplus only"}'}),
    ("repro", {"repro": '{"net": "Softplus only", "x": "many"}'}),
    ("unit", {"unit": "TPU"}),
    ("chip", {"chip": "M77"}),
    ("dtype", {"dtype": "INT4"}),
    ("metric", {"metric": "taste"}),
    ("value", {"value": "wrong"}),
)


@pytest.mark.parametrize(("column", "change"), BROKEN)
def test_a_row_that_nothing_is_known_of_is_an_error_that_says_so(
    tmp_path: Path, column: str, change: dict[str, str]
) -> None:
    said = {"repro": json.dumps({"net": "Softplus only", "x": [1.0]}), "metric": "max_abs", "value": "0"} | change
    with pytest.raises(InputError, match=f"row 'new' has a {column} that nothing is known of"):
        list(_run(tmp_path / "rows.csv", **said))
