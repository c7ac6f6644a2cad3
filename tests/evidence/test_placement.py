"""Placement probes: what each comes to, rows that nobody wrote before, and rows that are broken."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mlparity.core.errors import InputError
from tests.evidence.packages import write
from tests.evidence.placement import COLUMNS, CSV, Outcome, Result, fitted, outcomes, probes_of
from tests.evidence.placement_networks import network_of
from tests.evidence.tables import rows_of

REPORTS = CSV.with_name("placement_reports.csv")
BLANK = dict.fromkeys((*COLUMNS, "t_in", "t_out"), "") | {"id": "new", "chip": "M2", "os": "macOS 26.5"}


def _run(path: Path, said: Mapping[str, str], packages: Path | None = None) -> Outcome:
    row = {**BLANK, **said}
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, row)
        writer.writeheader()
        writer.writerow(row)
    (found,) = outcomes(path, packages, leave_out=False)
    return found


def test_each_published_probe_comes_to_what_is_listed() -> None:
    found = {each.row["id"]: each.result for each in outcomes(CSV, leave_out=False)}
    assert [name for name, result in found.items() if result is Result.NOT_COUNTABLE] == ["p31", "p32", "p33"]
    assert {name for name, result in found.items() if result not in (Result.REPRODUCED, Result.NOT_COUNTABLE)} == {
        "p17"
    }
    assert len(found) == 21


def test_each_report_that_was_found_later_comes_to_what_is_listed() -> None:
    found = {each.row["id"]: each.result for each in outcomes(REPORTS, leave_out=False)}
    assert {name for name, result in found.items() if result is not Result.REPRODUCED} == {"r23", "r24"}


def test_each_network_has_as_many_ops_as_its_row_says() -> None:
    for row in (*rows_of(CSV, COLUMNS), *rows_of(REPORTS, COLUMNS)):
        function = network_of(row)
        if function is not None and row["ops"]:
            assert len(function.body.ops) == int(row["ops"]), row["id"]


def test_a_limit_is_fitted_to_the_rows_that_are_there() -> None:
    """Without the row at 20480 the graph fails as a whole somewhere between 16386 and 32768."""
    long = {each.row["id"]: each for each in probes_of(CSV, None) if each.row["id"] in ("p22", "p23", "p25")}
    limit = "lowered width, whole graph"
    assert 16386 <= fitted(list(long.values()))[limit] < 20481
    without = fitted([long["p22"], long["p25"]])
    assert without[limit] > 20481
    assert long["p23"].result(without) is not Result.REPRODUCED
    assert fitted([]) == {}


def test_a_package_of_a_folder_stands_for_a_description(tmp_path: Path) -> None:
    packages = tmp_path / "packages"
    packages.mkdir()
    made = write(tmp_path, lambda mb, x: mb.relu(x=x), [(1, 4)], "fp16")
    made.rename(packages / "new.mlpackage")
    said = {"network": "a network of nobody", "reason": "graph too small"}
    small = _run(tmp_path / "rows.csv", said | {"ane_percent": "0.0"}, packages)
    assert (small.result, small.share, dict(small.moved)) == (Result.REPRODUCED, 0.0, {"graph size": 1})
    assert _run(tmp_path / "rows.csv", said | {"ane_percent": "100.0"}, packages).result is Result.SHARE
    assert _run(tmp_path / "rows.csv", said | {"ane_percent": "0.0"}).result is Result.NOT_RUN


def test_a_dilated_convolution_of_a_package_is_found(tmp_path: Path) -> None:
    """coremltools writes dilations as constants of their own."""
    weight = np.zeros((512, 512, 7), np.float16)

    def build(mb: Any, x: object) -> object:
        return mb.conv(x=mb.conv(x=x, weight=weight), weight=weight, dilations=[5])

    write(tmp_path, build, [(1, 512, 4096)], "fp16").rename(tmp_path / "new.mlpackage")
    said = {"ane_percent": "50", "network": "two", "reason": "1 dilated convolution on the CPU"}
    assert _run(tmp_path / "rows.csv", said, tmp_path).result is Result.REPRODUCED


def test_a_package_that_cannot_be_read_says_why(tmp_path: Path) -> None:
    (tmp_path / "new.mlpackage").mkdir()
    found = _run(tmp_path / "rows.csv", {"ane_percent": "0.0", "reason": "size"}, tmp_path)
    assert found.result is Result.NOT_RUN
    assert "new.mlpackage" in found.problem


@pytest.mark.parametrize(
    ("said", "result"),
    [
        ({"ane_percent": "", "reason": "one report"}, Result.NOT_COUNTABLE),
        ({"ane_percent": "0.0", "reason": "the moon was full"}, Result.REASON),
        ({"ane_percent": "0.0", "reason": "dilated convolution"}, Result.REASON),
        ({"ane_percent": "0.0", "reason": "", "precision": "fp32"}, Result.NOT_RUN),
    ],
)
def test_what_is_not_reproduced_says_so(tmp_path: Path, said: dict[str, str], result: Result) -> None:
    network = "Snake as polynomial x + a x^2 - (a^3/3) x^4, alone"
    assert _run(tmp_path / "rows.csv", said | {"network": network}).result is result


BROKEN = (
    ("ane_percent", {"ane_percent": "most"}),
    ("ane_percent", {"ane_percent": "101"}),
    ("ane_percent", {"ane_percent": "nan"}),
    ("chip", {"chip": "M77"}),
    ("network", {"network": "five stages", "t_in": "long"}),
    ("network", {"network": "two stages", "t_in": "16", "t_out": "48"}),
    ("network", {"network": "two stages", "t_in": "0", "t_out": "48"}),
)


@pytest.mark.parametrize(("column", "change"), BROKEN)
def test_a_row_that_nothing_is_known_of_is_an_error_that_says_so(
    tmp_path: Path, column: str, change: dict[str, str]
) -> None:
    with pytest.raises(InputError, match=f"row 'new' has a {column} that nothing is known of"):
        _run(tmp_path / "rows.csv", {"ane_percent": "0.0"} | change)


def test_columns_and_folders_that_are_missing_are_errors(tmp_path: Path) -> None:
    table = tmp_path / "rows.csv"
    table.write_text("id,network\nnew,two\n")
    with pytest.raises(InputError, match="lacks columns"):
        list(outcomes(table))
    with pytest.raises(InputError, match="no such folder"):
        list(outcomes(CSV, tmp_path / "absent"))
