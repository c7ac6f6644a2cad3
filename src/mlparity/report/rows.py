"""A record as people read it: rows, groups of settings with equal figures, and numbers as text."""

from __future__ import annotations

import math
from dataclasses import dataclass

from mlparity.core.numbers import format_cosine, format_count, format_number
from mlparity.core.record import Flips, Limit, OutputFigures, Policy, Record, RowState, SettingResult
from mlparity.core.words import Standing

STANDINGS = (
    (Standing.MEASURED, "by a real runtime: on an Apple device, or by LiteRT or another runtime on this machine"),
    (Standing.COMPUTED, "by mlparity's engine in reference arithmetic: what the graph says, not what a device does"),
    (Standing.EMULATED, "by mlparity's engine in the arithmetic of the compute unit, as far as that is known"),
)
"""What each standing means."""

_STATE_WORDS = {RowState.EXPLAINED: "explained", RowState.FAILED: "could not run"}


@dataclass(frozen=True, slots=True)
class Cell:
    """One table cell: its text, and what it is sorted by (None and NaN sort last)."""

    text: str
    sort: float | None = None


@dataclass(frozen=True, slots=True)
class Row:
    """One setting of the main table; `cells` is empty where nothing was compared.

    The figures are those of `output`, the one that differs most for its scale. `chip` is the style of the verdict.
    """

    setting: str
    standing: str
    chip: str
    verdict_word: str
    output: str
    cells: tuple[Cell, ...]
    note: str
    reasons: tuple[str, ...]
    is_recommended: bool


@dataclass(frozen=True, slots=True)
class Remark:
    """Why some settings have the verdict that they have."""

    settings: tuple[str, ...]
    chip: str
    verdict_word: str
    text: str


@dataclass(frozen=True, slots=True)
class Group:
    """Settings of one standing and runtime whose figures are the same, to be shown once."""

    settings: tuple[str, ...]
    standing: str
    runtime: str
    outputs: tuple[OutputFigures, ...]

    @property
    def title(self) -> str:
        """The settings as a list."""
        return ", ".join(self.settings)


@dataclass(frozen=True, slots=True)
class Comparison:
    """One output, and what each group of settings made of it."""

    output: str
    entries: tuple[tuple[Group, OutputFigures], ...]

    @property
    def names(self) -> frozenset[str]:
        """The figures that any of the entries has."""
        return frozenset(name for _, output in self.entries for name in output.figures)


COLUMNS = ("max", "of scale", "min", "mean", "cosine", "flips")
"""The heads of a row's cells."""


def rows_of(record: Record) -> tuple[Row, ...]:
    """Return the main table, in the record's order."""
    return tuple(_row(result, result.setting == record.recommendation.setting) for result in record.settings)


def remarks_of(rows: tuple[Row, ...]) -> tuple[Remark, ...]:
    """Return notes and reasons, each once with the settings that it holds for."""
    found: dict[tuple[str, str, str], list[str]] = {}
    for row in rows:
        for text in (row.note, *row.reasons):
            if text:
                found.setdefault((row.chip, row.verdict_word, text), []).append(row.setting)
    return tuple(Remark(tuple(names), chip, word, text) for (chip, word, text), names in found.items())


def comparisons_of(groups: tuple[Group, ...]) -> tuple[Comparison, ...]:
    """Return every output with the groups that have figures for it, the most different output first."""
    ranked = ranked_outputs(tuple(output for group in groups for output in group.outputs))
    names = dict.fromkeys(output.output for output in ranked)
    return tuple(
        Comparison(
            name, tuple((group, output) for group in groups for output in group.outputs if output.output == name)
        )
        for name in names
    )


def groups_of(record: Record) -> tuple[Group, ...]:
    """Return the compared settings, those with equal figures together, in the record's order."""
    groups: list[Group] = []
    for result in record.settings:
        if not result.outputs:
            continue
        group = Group((str(result.setting),), _standing(result), result.runtime, result.outputs)
        same = next((place for place, other in enumerate(groups) if _equal(other, group)), None)
        if same is None:
            groups.append(group)
        else:
            other = groups[same]
            groups[same] = Group(other.settings + group.settings, other.standing, other.runtime, other.outputs)
    return tuple(groups)


def ranked_outputs(outputs: tuple[OutputFigures, ...]) -> tuple[OutputFigures, ...]:
    """Return the outputs with those that differ most for their scale first."""
    return tuple(sorted(outputs, key=_share, reverse=True))


def cells_of(output: OutputFigures) -> tuple[Cell, ...]:
    """Return the cells of `COLUMNS` for one output."""
    figure = output.figures.get
    share = _share(output)
    plain = {name: Cell(format_number(figure(name)), figure(name)) for name in ("max_abs", "min_abs", "mean_abs")}
    return (
        plain["max_abs"],
        Cell(format_number(share) if figure("max_abs") is not None else "–", share),
        plain["min_abs"],
        plain["mean_abs"],
        Cell(format_cosine(figure("cosine")), figure("cosine")),
        Cell(flips_text(output.flips), output.flips.flipped if output.flips is not None else None),
    )


def flips_text(flips: Flips | None) -> str:
    """Return `0 of 24`, or a dash where there are no class scores."""
    return "–" if flips is None else f"{format_count(flips.flipped)} of {format_count(flips.samples)}"


def flips_sentence(flips: Flips) -> str:
    """Return the interval and the margins of a flip count."""
    rate = f"{_percent(flips.rate_low)} to {_percent(flips.rate_high)} with 95% confidence"
    margin = f"smallest margin of the source {format_number(flips.smallest_margin)}"
    sentence = f"{flips_text(flips)} top classes changed ({rate}); {margin}"
    if flips.flipped_margin is None:
        return f"{sentence}."
    return f"{sentence}, largest among the flipped {format_number(flips.flipped_margin)}."


def figure_text(name: str, value: float | None) -> str:
    """Return a figure by the metric's name, as the full tables show it."""
    if name == "cosine":
        return format_cosine(value)
    if name.endswith("_count") or name == "flips":
        return format_count(value)
    return format_number(value, 4 if name.endswith("_db") else 3)


def limit_text(limit: Limit) -> str:
    """Return a limit as `max_abs at most 1.0e-04 of the output's scale`."""
    of_scale = " of the output's scale" if limit.of_scale else ""
    bounds = (("at most", limit.at_most), ("at least", limit.at_least))
    words = " and ".join(f"{word} {_bound(bound)}{of_scale}" for word, bound in bounds if bound is not None)
    return f"{limit.metric} {words}"


def _bound(value: float) -> str:
    return "0" if value == 0 else format_number(value)


def required_text(policy: Policy) -> str:
    """Return which settings must pass, as a sentence."""
    sentences: dict[tuple[str, ...], str] = {
        ("any",): "One passing Core ML setting is enough (any setting where Core ML was not asked for).",
        ("all",): "Every setting that Core ML allows must pass.",
    }
    return sentences.get(policy.required, f"Must pass: {', '.join(policy.required)}.")


def size_text(size_bytes: int) -> str:
    """Return a size as `13.4 MiB`."""
    size, unit = float(size_bytes), "bytes"
    for unit in ("bytes", "KiB", "MiB", "GiB"):
        if size < 1024 or unit == "GiB":
            break
        size /= 1024
    return f"{size:.0f} {unit}" if unit == "bytes" else f"{size:.1f} {unit}"


def seconds_text(seconds: float | None) -> str:
    """Return a duration as `31 ms` or `5.3 s`."""
    if seconds is None:
        return "–"
    return f"{seconds * 1000:.3g} ms" if seconds < 1 else f"{seconds:.3g} s"


def _row(result: SettingResult, is_recommended: bool) -> Row:
    worst = ranked_outputs(result.outputs)[0] if result.outputs else None
    return Row(
        setting=str(result.setting),
        standing=_standing(result),
        chip="neutral" if result.state is RowState.EXPLAINED else str(result.verdict),
        verdict_word=_STATE_WORDS.get(result.state, str(result.verdict)),
        output=worst.output if worst is not None else "",
        cells=cells_of(worst) if worst is not None else (),
        note=result.note,
        reasons=result.reasons,
        is_recommended=is_recommended,
    )


def _standing(result: SettingResult) -> str:
    return "" if result.standing is None else str(result.standing)


def _share(output: OutputFigures) -> float:
    """Return the largest difference over the scale; infinite where a NaN or an infinity has no equal."""
    if any(output.figures.get(name) for name in ("nan_count", "inf_count")):
        return math.inf
    difference = output.figures.get("max_abs")
    if not difference:
        return 0.0
    return difference / output.scale if output.scale else math.inf


def _equal(first: Group, second: Group) -> bool:
    return (first.standing, first.runtime, first.outputs) == (second.standing, second.runtime, second.outputs)


def _percent(rate: float) -> str:
    return f"{100 * rate:.3g}%"
