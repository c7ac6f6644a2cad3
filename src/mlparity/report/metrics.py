"""A record as a flat dictionary, for a tracker of experiments."""

from __future__ import annotations

from mlparity.core.words import Verdict
from mlparity.record.record import Record


def metrics_of(record: Record) -> dict[str, float]:
    """Return the figures by names such as `fp16/ALL/logits/max_abs`; figures without a value are left out.

    `passed` is 1 if the verification passed, else 0; so is `SETTING/passed` for each setting that was compared. The
    user's own metrics are `SETTING/METRIC/mean` and `/worst`.
    """
    found: dict[str, float | None] = {"passed": float(record.verdict is Verdict.PASS)}
    for row in record.settings:
        if not row.outputs:
            continue
        found[f"{row.setting}/passed"] = float(row.verdict is Verdict.PASS)
        for output in row.outputs:
            found |= {f"{row.setting}/{output.output}/{name}": value for name, value in output.figures.items()}
        for figure in row.task_figures:
            found[f"{row.setting}/{figure.metric}/mean"] = figure.mean
            found[f"{row.setting}/{figure.metric}/worst"] = figure.worst
    return {name: value for name, value in found.items() if value is not None}
