"""How far a difference goes beyond what fp32's rounding, and the source's own noise, explain."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from mlparity.core.finiteness import mismatches
from mlparity.record.figures import OutputFigures
from mlparity.record.record import Noise
from mlparity.record.rows import Rung, SettingResult

FP32_BOUND = 2e-6
"""What a faithful fp32 run may differ by, of the output's scale: about 17 units in the last place of fp32 (assumed)."""

Excused = Mapping[str, float]
"""By its name, what difference of an output the source's own noise excuses."""


def excused_by(noise: Sequence[Noise], factor: float) -> Excused:
    """Return what the source's noise excuses: `factor` times its largest, nothing where it is not known."""
    return {entry.output: factor * entry.max_abs for entry in noise if entry.is_known}


def excess_of(output: OutputFigures, noise: float = 0.0) -> float:
    """Return the largest difference over what fp32 explains.

    It is infinite where a NaN or an infinity has no equal, and where no position is finite on both sides: nothing was
    compared there.
    """
    difference = output.figures.get("max_abs")
    if mismatches(output.figures) or difference is None:
        return float("inf")
    if not difference:
        return 0.0
    bound = max(FP32_BOUND * output.scale, noise)
    return difference / bound if bound else float("inf")


def excess_of_row(row: SettingResult | Rung, excused: Excused) -> float:
    """Return the largest excess of a row's outputs.

    Raises:
        ValueError: the row has no outputs.
    """
    return max(excess_of(output, excused.get(output.output, 0.0)) for output in row.outputs)
