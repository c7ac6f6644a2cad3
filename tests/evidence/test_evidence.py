"""The profiles reproduce the public measurements: corner cases to the bit, tables and fingerprints by their errors."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from mlparity.core.errors import InputError
from tests.evidence import corner_cases, fingerprints, issue_repros, unary_errors
from tests.evidence.tables import rows_of, value_of


def test_corner_cases_come_out_to_the_bit_but_for_those_that_are_listed() -> None:
    misses = {each.row["id"] for each in corner_cases.outcomes(corner_cases.CSV) if not each.agrees}
    assert misses == set(corner_cases.KNOWN_MISSES)


def test_a_form_that_is_not_known_is_a_miss(tmp_path: Path) -> None:
    with corner_cases.CSV.open(newline="", encoding="utf-8") as file:
        row = next(csv.DictReader(file))
    path = tmp_path / "cases.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, row)
        writer.writeheader()
        writer.writerow(row | {"op": "conv_of_another_kind"})
        writer.writerow(row | {"output": "16392.0"})
    assert [each.agrees for each in corner_cases.outcomes(path)] == [False, False]


def test_the_engines_functions_err_as_they_do_on_the_device() -> None:
    found = [each for each in unary_errors.outcomes(unary_errors.CSV) if each.row["unit"] == "ane"]
    assert len(found) == 12
    assert [each.row["op"] for each in found if not each.agrees] == []


GPU_AND_CPU = ("g0001", "g0007", "g0008", "g0029", "g0094", "g0101", "g0119", "g0184")


@pytest.mark.parametrize("name", ["g0000", "g0033", "g0093", *GPU_AND_CPU])
def test_a_seeded_benchmark_has_the_published_error_to_its_last_digits(name: str) -> None:
    (outcome,) = fingerprints.outcomes(fingerprints.CSV, lambda row: row["id"] == name)
    assert outcome.distance <= fingerprints.TOLERANCE


VARIATIONS = (
    {"chip": "M3", "unit": "gpu", "shape": "[48, 320, 96]"},
    {"chip": "M6", "unit": "gpu", "precision": "fp32", "shape": "[48, 320, 96]"},
    {"chip": "M4", "unit": "cpu", "precision": "fp32", "shape": "[33, 65, 17]"},
    {"chip": "M3 Max", "unit": "gpu", "op": "conv3x3 chain", "shape": "{'cin_cout_h_w': [3, 20, 10, 14], 'depth': 2}"},
    {"chip": "M4", "unit": "ane", "op": "stencil conv3x3 x3", "shape": "[1, 1, 20, 30]"},
    {"chip": "M5", "unit": "gpu", "precision": "fp32", "op": "dft_matmul", "shape": "[1, 96, 96]"},
)
"""Rows that nobody published, of other sizes, chips and precisions."""

BROKEN = (
    ({"chip": "A17"}, "chip"),
    ({"chip": "M77"}, "chip"),
    ({"unit": "tpu"}, "unit"),
    ({"precision": "int8"}, "precision"),
    ({"shape": "[64, 256]"}, "shape"),
    ({"shape": "64 by 256"}, "shape"),
    ({"shape": "7"}, "shape"),
    ({"op": "conv3x3", "shape": "{'C': 8}"}, "shape"),
)


def _table(path: Path, *changes: Mapping[str, str]) -> Path:
    with fingerprints.CSV.open(newline="", encoding="utf-8") as file:
        row = next(csv.DictReader(file))
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, row)
        writer.writeheader()
        writer.writerows(row | dict(change) for change in changes)
    return path


def test_a_table_of_other_sizes_chips_and_precisions_is_run(tmp_path: Path) -> None:
    found = list(fingerprints.outcomes(_table(tmp_path / "rows.csv", *VARIATIONS)))
    assert len(found) == len(VARIATIONS)
    for each in found:
        assert 0 < each.found < (2e-6 if each.row["precision"] == "fp32" and each.row["chip"] < "M5" else 5e-3)


@pytest.mark.parametrize(("change", "named"), BROKEN)
def test_a_row_that_nothing_is_known_of_is_an_error_that_says_so(
    tmp_path: Path, change: Mapping[str, str], named: str
) -> None:
    path = _table(tmp_path / "rows.csv", change)
    with pytest.raises(InputError, match=f"row 'g0000' has a {named} that nothing is known of"):
        list(fingerprints.outcomes(path))


def test_an_op_without_a_recipe_is_left_out_and_counted(tmp_path: Path) -> None:
    path = _table(tmp_path / "rows.csv", {"op": "fft"})
    assert list(fingerprints.outcomes(path)) == []
    with pytest.raises(InputError, match="has a op that nothing"):
        fingerprints.recipe_of(rows_of(path, fingerprints.COLUMNS)[0])


TABLES = (corner_cases.outcomes, unary_errors.outcomes, fingerprints.outcomes, issue_repros.outcomes)


@pytest.mark.parametrize("run", TABLES, ids=lambda run: run.__module__)
@pytest.mark.parametrize("text", [None, "id,chip\n1,M1\n"])
def test_a_table_that_is_missing_or_of_another_form_is_an_error(
    tmp_path: Path, text: str | None, run: Callable[[Path], Iterator[object]]
) -> None:
    path = tmp_path / "rows.csv"
    if text is not None:
        path.write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match="does not exist" if text is None else "lacks columns"):
        next(run(path))


@pytest.mark.parametrize("kind", [corner_cases, unary_errors])
@pytest.mark.parametrize(("column", "said"), [("chip", "M77"), ("chip", "A99"), ("unit", "tpu")])
def test_a_chip_or_a_unit_that_nothing_is_known_of_is_an_error(
    tmp_path: Path, kind: ModuleType, column: str, said: str
) -> None:
    row = rows_of(kind.CSV, kind.COLUMNS)[0] | {column: said}
    path = tmp_path / "rows.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, row)
        writer.writeheader()
        writer.writerow(row)
    with pytest.raises(InputError, match=f"has a {column} that nothing is known of"):
        next(kind.outcomes(path))


@pytest.mark.parametrize("name", ["g0110", "g0111", "g0114"])
def test_jacobis_method_errs_as_published_but_for_the_matrix_of_another_machine(name: str) -> None:
    """Rounded once where the device rounds twice, the Neural Engine's rows would be 5e-5 away."""
    (outcome,) = fingerprints.outcomes(fingerprints.CSV, lambda row: row["id"] == name)
    assert outcome.distance <= 5e-6


@pytest.mark.parametrize(
    ("said", "value"),
    [("2^-24", 2.0**-24), ("-1.5*2^-13", -1.5 * 2.0**-13), ("2^11+1", 2049.0), ("1/3", 1 / 3), ("-inf", -np.inf)],
)
def test_numbers_are_read_as_tables_print_them(said: str, value: float) -> None:
    assert value_of(said) == value


@pytest.mark.parametrize("said", ["", "x", "2^", "1/0", "2^99999", "f(2)", "[1]", "1 2"])
def test_what_is_no_number_is_refused(said: str) -> None:
    with pytest.raises(ValueError, match="no number"):
        value_of(said)


def test_a_row_with_powers_is_read_as_one_with_decimals(tmp_path: Path) -> None:
    rows = [row for row in rows_of(corner_cases.CSV, corner_cases.COLUMNS) if row["id"] == "n2.sub.16.M6.ane"]
    path = tmp_path / "cases.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        inputs = '{"x_ch": ["2^-16"], "w": "all ones over 64 channels"}'
        writer.writerow(rows[0] | {"inputs": inputs, "output": "2^-16"})
        writer.writerow(rows[0] | {"inputs": inputs, "output": "2^-17"})
    assert [each.agrees for each in corner_cases.outcomes(path)] == [True, False]
