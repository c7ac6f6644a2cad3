"""Reports of users that are rounding or overflow, run through the variants of their setting; the others, with a reason.

A row describes a network, its inputs, a setting and one figure. The network becomes a Core ML package, which every
variant runs; a report is inside where the figure lies within what the variants give.
"""

from __future__ import annotations

import json
import re
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import numpy as np
import torch

from mlparity.engine.mil.program import Program
from mlparity.engine.numerics import CHIPS, FP32, Profile
from mlparity.engine.placement.variants import every_chip, variants_of
from mlparity.engine.reading import read_program
from mlparity.engine.runtime.bind import bind
from mlparity.engine.runtime.interpret import run_plan
from tests.evidence import packages
from tests.evidence.issue_networks import Network, network_of
from tests.evidence.tables import rows_of, unknown

CSV = Path(__file__).with_name("issue_repros.csv")
COLUMNS = ("id", "issue", "repro", "dtype", "unit", "chip", "metric", "value", "cause_class")


class Result(StrEnum):
    """What became of a report; `not run` is in scope, and what it needs is not published or not here."""

    INSIDE = "inside"
    OUTSIDE = "outside"
    NOT_RUN = "not run"
    OUT_OF_SCOPE = "out of scope"


@dataclass(frozen=True, slots=True)
class Outcome:
    """One row: its result, and what the variants gave or why nothing was run."""

    row: Mapping[str, str]
    result: Result
    shown: str


Span = tuple[float, float]
"""A figure: least and greatest, which are the same where it is one number."""

UNITS: Mapping[str, str] = {name: name for name in ("ALL", "CPU_ONLY", "CPU_AND_GPU", "CPU_AND_NE")} | {
    "default": "ALL",
    "CPU": "CPU_ONLY",
    "GPU": "CPU_AND_GPU",
    "ANE": "CPU_AND_NE",
    "ANE (claimed)": "CPU_AND_NE",
}
"""Core ML's name of a setting, by what reports call it."""

NOT_RUN: Mapping[str, str] = {
    "ResNet18": "the trained weights are not here. Seeded ones are not the report's: with them the CPU errs by 0.009 "
    "(uniform input) or 0.019 (normal) where it has 0.030 to 0.040 for CPU_ONLY; ALL gives 0.0009 to 0.019",
    "MobileNetV2": "the report does not say which weights and which input. With torchvision's first weights and noise "
    "the Neural Engine and the GPU are 0.0117 apart, and 1.7e-3 to 1.9e-3 in relative L2, where it has 1.0e-3",
    "mish net": "neither the weights nor the inputs are published",
    "grid_sample": "the inputs are files that are not published",
}
"""Why a network cannot be run, by a word of its description."""


def outcomes(path: Path) -> Iterator[Outcome]:
    """Yield the outcome of each row of a table of the form of `issue_repros.csv`.

    Raises:
        InputError: columns are missing, or a row that can be run has a setting or a figure that nothing is known of.
    """
    for row in rows_of(path, COLUMNS):
        reason = _out_of_scope(row)
        yield _tried(row) if reason is None else Outcome(row, Result.OUT_OF_SCOPE, reason)


def _out_of_scope(row: Mapping[str, str]) -> str | None:
    """Return why a row tells nothing of rounding in an ML program, None where it does."""
    cause = row["cause_class"]
    if re.search(r"\bbug\b|converter", cause):
        return f"not rounding but a {cause}" if "bug" in cause else "a rule of the converter, not rounding"
    if "nn" in row["dtype"].split("/"):
        return "a network of the older kind (neuralnetwork)"
    return None


def _tried(row: Mapping[str, str]) -> Outcome:
    try:
        said = json.loads(row["repro"])
        network = network_of(said)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise unknown(row, "repro", "JSON in the form of the other rows of that network") from error
    if network is None:
        why = next((reason for word, reason in NOT_RUN.items() if word in row["repro"]), None)
        return Outcome(row, Result.NOT_RUN, why or "the network's description is of no known form")
    figures = figures_of(row, network)
    published = published_of(row)
    inside = _holds(row["metric"], published, figures)
    nearest = min(figures, key=lambda name: _apart(figures[name], published), default=None)
    shown = "in no way" if nearest is None else f"{_written(figures[nearest])} in {nearest}"
    return Outcome(row, Result.INSIDE if inside else Result.OUTSIDE, f"{row['metric']} {row['value']}: {shown}")


def figures_of(row: Mapping[str, str], network: Network) -> dict[str, Span]:
    """Return the row's figure in every variant of its setting that shows one, by the variant's name.

    Raises:
        InputError: a setting, a chip, a type or a metric that nothing is known of.
    """
    measure = next((found for form, found in METRICS.items() if re.fullmatch(form, row["metric"])), None)
    if measure is None:
        raise unknown(row, "metric", ", ".join(METRICS))
    figures = {}
    for name, found in _outputs(row, network):
        figure = measure(row["metric"], network, found)
        if figure is not None:
            figures[name] = figure
    return figures


def _outputs(row: Mapping[str, str], network: Network) -> Iterator[tuple[str, np.ndarray]]:
    """Yield each variant's name and its output."""
    precision = {"FLOAT16": "fp16", "FP16": "fp16", "FLOAT32": "fp32", "FP32": "fp32"}.get(row["dtype"])
    if precision is None:
        raise unknown(row, "dtype", "FLOAT16 or FLOAT32")
    with tempfile.TemporaryDirectory() as folder:
        path = packages.write(Path(folder), network.build, [network.fed.shape], precision)
        written = read_program(path)
        fed = torch.from_numpy(network.fed.astype(packages.DTYPES[precision]).astype(np.float32))
        for name, profile, profiles in _variants(row, written, precision):
            plan = bind(written, profile, profiles=profiles)
            with torch.inference_mode():
                (y,) = run_plan(plan, {"x0": fed}).values()
            yield name, np.asarray(y, np.float64)


def _variants(
    row: Mapping[str, str], written: Program, precision: str
) -> Iterator[tuple[str, Profile, Mapping[str, Profile]]]:
    if row["unit"] not in UNITS:
        raise unknown(row, "unit", ", ".join(UNITS))
    if precision == "fp32":
        yield "fp32", FP32, {}
        return
    for variant in variants_of(written.functions["main"], UNITS[row["unit"]], _chips(row), fast=True):
        yield variant.name, variant.choice.profile, variant.choice.profiles


def _chips(row: Mapping[str, str]) -> tuple[str, ...]:
    """Return the chip that the row names, perhaps with more words behind, or every chip where it names none."""
    named = [name for name in CHIPS if re.match(rf"{name}\b", row["chip"])]
    if named:
        return (max(named, key=len),)
    if re.match(r"[MA]\d", row["chip"]):
        raise unknown(row, "chip", ", ".join(CHIPS))
    return every_chip()


def _error(kind: Callable[[np.ndarray, np.ndarray], float]) -> Callable[[str, Network, np.ndarray], Span]:
    def measure(_: str, network: Network, found: np.ndarray) -> Span:
        figure = kind(found - network.reference, network.reference)
        return figure, figure

    return measure


def _beyond(metric: str, network: Network, found: np.ndarray) -> Span:
    """The outputs for inputs above the metric's number."""
    outputs = found.ravel()[network.x > float(metric.partition(">")[2])]
    return float(outputs.min()), float(outputs.max())


def _cliff(_: str, network: Network, found: np.ndarray) -> Span | None:
    """The first input of a sweep at which the output falls by more than 1, where it does."""
    falls = np.flatnonzero(np.diff(found.ravel()) < -1)
    return None if falls.size == 0 else (float(network.x[falls[0] + 1]),) * 2


def _threshold(_: str, network: Network, found: np.ndarray) -> Span | None:
    """The last input of a finite output and the first of another, where the inputs are told apart so."""
    finite = np.isfinite(found.ravel())
    count = int(finite.sum())
    if count in (0, finite.size) or not finite[:count].all():
        return None
    return float(network.x[count - 1]), float(network.x[count])


METRICS: Mapping[str, Callable[[str, Network, np.ndarray], Span | None]] = {
    "max_abs": _error(lambda apart, _: float(np.abs(apart).max())),
    "mean_abs": _error(lambda apart, _: float(np.abs(apart).mean())),
    "max_rel": _error(lambda apart, exact: float((np.abs(apart) / np.abs(exact)).max())),
    "rel_l2": _error(lambda apart, exact: float(np.linalg.norm(apart) / np.linalg.norm(exact))),
    r"output_for_x>[\d.]+": _beyond,
    "cliff_x": _cliff,
    "threshold_x": _threshold,
}
"""What reports measure, by the form of its name; the first four are errors, the others events."""

ERRORS = tuple(METRICS)[:4]


def published_of(row: Mapping[str, str]) -> Span:
    """Return the published figure: a number, with half a unit of its last place to both sides, or a range.

    Raises:
        InputError: neither.
    """
    ends = row["value"].split("..")
    try:
        low, high = float(ends[0]), float(ends[-1])
    except ValueError as error:
        raise unknown(row, "value", "a number, or two with .. between them") from error
    if len(ends) == 2:
        return low, high
    digits = len(row["value"].partition("e")[0].partition(".")[2])
    half = 0.5 * 10.0**-digits if digits else 0.0
    return low - half, high + half


def _holds(metric: str, published: Span, figures: Mapping[str, Span]) -> bool:
    """Return whether an error lies between the variants' least and greatest, or an event comes out in one of them."""
    if not figures:
        return False
    if metric in ERRORS:
        hull = min(low for low, _ in figures.values()), max(high for _, high in figures.values())
        return _apart(hull, published) == 0
    return any(_apart(each, published) == 0 for each in figures.values())


def _apart(one: Span, other: Span) -> float:
    """Return the distance of two spans: 0 where they touch."""
    return max(one[0] - other[1], other[0] - one[1], 0.0)


def _written(span: Span) -> str:
    return f"{span[0]:.6g}" if span[0] == span[1] else f"{span[0]:.6g}..{span[1]:.6g}"
