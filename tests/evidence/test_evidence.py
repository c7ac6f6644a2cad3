"""The members reproduce the public measurements: corner cases to the bit, tables and fingerprints by their errors."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from tests.evidence import corner_cases, fingerprints, issue_repros, unary_errors


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


@pytest.mark.parametrize("name", ["g0000", "g0033", "g0093"])
def test_a_seeded_benchmark_has_the_published_error_to_its_last_digits(name: str) -> None:
    (outcome,) = fingerprints.outcomes(fingerprints.CSV, lambda row: row["id"] == name)
    assert outcome.distance <= fingerprints.TOLERANCE


@pytest.mark.parametrize("name", ["g0110", "g0111", "g0114"])
def test_jacobis_method_errs_as_published_but_for_the_matrix_of_another_machine(name: str) -> None:
    """Rounded once where the device rounds twice, the Neural Engine's rows would be 5e-5 away."""
    (outcome,) = fingerprints.outcomes(fingerprints.CSV, lambda row: row["id"] == name)
    assert outcome.distance <= 5e-6


def test_reports_of_users_come_out_but_for_those_that_are_listed() -> None:
    """A sum of exponentials is kept wide by the engine's members, so that the cliff of #2690 is not there."""
    found = {each.row["id"]: each.result for each in issue_repros.outcomes(issue_repros.CSV)}
    listed = set(issue_repros.REPROS) | set(issue_repros.NOT_RUN) | set(issue_repros.OUT_OF_SCOPE)
    assert set(found) == listed
    inside = {name for name, result in found.items() if result is issue_repros.Result.INSIDE}
    assert inside == {"2687.minimal", "2729.logcumsumexp"}
    assert found["2690.cliff"] is issue_repros.Result.OUTSIDE
