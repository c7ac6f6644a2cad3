"""The figures of several plausible runs of one setting to its envelope: ranges, and the run that is worst."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from mlparity.core.finiteness import mismatches
from mlparity.core.words import Confidence, Verdict
from mlparity.record.figures import Envelope, OutputFigures, Span, VariantFigures

_WORST_FIRST = (Verdict.FAIL, Verdict.UNKNOWN, Verdict.PASS)
_CERTAINTY = tuple(Confidence)


def envelope_of(runs: Sequence[VariantFigures], outputs: Sequence[Sequence[OutputFigures]]) -> tuple[Envelope, int]:
    """Return the envelope of at least one run, and the index of the one that dominates.

    `outputs` are the figures of the runs, in their order; a run that failed has none. The worst verdict dominates, and
    among equals the largest difference for its scale, where a NaN or an infinity without an equal counts as infinite.
    """
    index = min(range(len(runs)), key=lambda run: (_WORST_FIRST.index(runs[run].verdict), -_share(outputs[run])))
    return (
        Envelope(
            dominating=runs[index].name,
            confidence=max((run.confidence for run in runs), key=_CERTAINTY.index),
            chips=tuple(dict.fromkeys(chip for run in runs for chip in run.chips)),
            runs=tuple(runs),
            spans=_spans(runs),
        ),
        index,
    )


def _share(outputs: Sequence[OutputFigures]) -> float:
    return max((_output_share(output) for output in outputs), default=0.0)


def _output_share(output: OutputFigures) -> float:
    if mismatches(output.figures):
        return math.inf
    difference = output.figures.get("max_abs")
    if not difference:
        return 0.0
    return difference / output.scale if output.scale else math.inf


def _spans(runs: Sequence[VariantFigures]) -> Mapping[str, Mapping[str, Span]]:
    found: dict[str, dict[str, list[float | None]]] = {}
    for run in runs:
        for output, figures in run.figures.items():
            for metric, value in figures.items():
                found.setdefault(output, {}).setdefault(metric, []).append(value)
    return {output: {metric: _span(values) for metric, values in row.items()} for output, row in found.items()}


def _span(values: Sequence[float | None]) -> Span:
    """Return the range; NaN, which no order has, counts as the greatest."""
    known = sorted((value for value in values if value is not None), key=lambda value: (math.isnan(value), value))
    return Span(known[0], known[-1]) if known else Span(None, None)
