"""What the profiles reproduce of the public measurements: prints each miss and the coverage.

Usage: python -m tests.evidence {corner_cases,unary_errors,fingerprints,issue_repros,placement} [CSV] [--fast]
[--packages DIR]. CSV is any table of the same form as the one in this folder. With --fast only fingerprints of up to 4
million numbers are run. DIR holds networks of placement probes, ID.mlpackage each; others are built.
"""

from __future__ import annotations

import argparse
import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from mlparity.core.errors import MlparityError
from tests.evidence import corner_cases, fingerprints, issue_repros, placement, unary_errors
from tests.evidence.tables import rows_of


@dataclass(frozen=True, slots=True)
class Asked:
    """How a table is run."""

    fast: bool = False
    packages: Path | None = None


def report_corner_cases(path: Path, _asked: Asked) -> None:
    """Print the rows that no unit profile reproduces, and how many are reproduced by processor and op."""
    right, all_rows = Counter[tuple[str, str]](), Counter[tuple[str, str]]()
    for each in corner_cases.outcomes(path):
        key = (each.row["unit"], each.row["op"])
        all_rows[key] += 1
        right[key] += each.agrees
        if not each.agrees:
            reason = corner_cases.KNOWN_MISSES.get(each.row["id"], "not known")
            print(
                f"MISS {each.row['id']}: {each.row['output']} on the device, {each.found} by {each.unit_profile.name}"
            )
            print(f"     {reason}")
    for key in sorted(all_rows):
        print(f"{key[0]:4} {key[1]:20} {right[key]:4} of {all_rows[key]}")
    print(f"all  {'':20} {right.total():4} of {all_rows.total()}: {right.total() / all_rows.total():.2%}")


def report_unary_errors(path: Path, _asked: Asked) -> None:
    """Print every function's greatest error beside the published one."""
    for each in unary_errors.outcomes(path):
        row = each.row
        verdict = "ok  " if each.agrees else "MISS"
        print(
            f"{verdict} {row['chip']} {row['unit']:4} {row['op']:26} published {float(row['max_abs_err']):<10.4g} "
            f"ours {each.found:<10.4g} ratio {each.ratio:.3f}"
        )


def report_fingerprints(path: Path, asked: Asked) -> None:
    """Print every row's error beside the published one; those of products alone are held to the tolerance."""
    right = tried = 0
    left = Counter(row["op"] for row in rows_of(path, fingerprints.COLUMNS) if not fingerprints.has_recipe(row))

    def wanted(row: Mapping[str, str]) -> bool:
        return not asked.fast or _size(row) <= 4_000_000

    for each in fingerprints.outcomes(path, wanted):
        row = each.row
        exact = each.distance <= fingerprints.TOLERANCE
        counted = row["op"] in fingerprints.PRODUCTS
        tried, right = tried + counted, right + (counted and exact)
        verdict = "ok  " if exact else "MISS" if counted else "near"
        print(
            f"{verdict} {row['id']} {row['chip'].split(' (')[0]:7} {row['unit']} {row['precision']} {row['op']:22} "
            f"published {row['value']:<23} ours {each.found:<23} apart {each.distance:.1e} {each.profile.name}",
            flush=True,
        )
    print(f"products: {right} of {tried} within {fingerprints.TOLERANCE}")
    for op, count in sorted(left.items()):
        print(f"not run  {op}: {count} rows, no recipe; see docs/numerics.md")


def report_issue_repros(path: Path, _asked: Asked) -> None:
    """Print what became of each report, and how many of those in scope come out."""
    counts = Counter[issue_repros.Result]()
    for each in issue_repros.outcomes(path):
        counts[each.result] += 1
        print(f"{each.result:12} {each.row['id']:20} {each.row['unit']:16} {each.shown}")
    inside, outside = counts[issue_repros.Result.INSIDE], counts[issue_repros.Result.OUTSIDE]
    not_run = counts[issue_repros.Result.NOT_RUN]
    print(
        f"inside: {inside} of {inside + outside + not_run} in scope; {inside} of {inside + outside} that could be run"
    )


def report_placement(path: Path, asked: Asked) -> None:
    """Print each row's share beside the published one, and how many are reproduced, left out of the fit too."""
    counts, left_out = Counter[placement.Result](), 0
    for each in placement.outcomes(path, asked.packages):
        counts[each.result] += 1
        left_out += each.is_right_when_left_out is True
        said = each.row["ane_percent"] or "-"
        ours = each.problem or f"{each.share or 0:.1f}, " + ", ".join(f"{n} {rule}" for rule, n in each.moved.items())
        note = {None: "", True: "; also when left out", False: "; not when left out"}[each.is_right_when_left_out]
        print(f"{each.result:13} {each.row['id']:6} said {said:5} {each.row['reason']!r} ours {ours}{note}", flush=True)
    total = counts.total() - counts[placement.Result.NOT_COUNTABLE]
    print(
        f"reproduced: {counts[placement.Result.REPRODUCED]} of {total} rows that say a share, within "
        f"{placement.TOLERANCE:g} points and with the reason"
    )
    print(f"left out of the fit, each by itself: {left_out} of {total}")
    for result, count in counts.items():
        print(f"  {result}: {count}")


def _size(row: Mapping[str, str]) -> int:
    shape = fingerprints.shape_of(row)
    return math.prod(shape if isinstance(shape, list) else shape.get("HW", [1]))  # type: ignore[attr-defined]


REPORTS = {
    "corner_cases": (report_corner_cases, corner_cases.CSV),
    "unary_errors": (report_unary_errors, unary_errors.CSV),
    "fingerprints": (report_fingerprints, fingerprints.CSV),
    "issue_repros": (report_issue_repros, issue_repros.CSV),
    "placement": (report_placement, placement.CSV),
}

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("kind", choices=sorted(REPORTS))
    parser.add_argument("csv", nargs="?", type=Path)
    parser.add_argument("--fast", action="store_true")
    parser.add_argument("--packages", type=Path)
    chosen = parser.parse_args()
    report, default = REPORTS[chosen.kind]
    try:
        report(chosen.csv or default, Asked(chosen.fast, chosen.packages))
    except MlparityError as error:
        parser.exit(2, f"{error}\n")
