"""Two files of saved outputs, compared."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from mlparity.compare.comparer import Comparer
from mlparity.compare.policy_file import load_policy
from mlparity.compare.user_metric import load_metric
from mlparity.compare.verdict import Judgement, judge
from mlparity.core.errors import InputError
from mlparity.core.record import OutputFigures
from mlparity.samples.arrays import READERS, read_arrays


def compare_saved(
    first: Path, second: Path, policy: str = "consistency"
) -> tuple[tuple[OutputFigures, ...], Judgement]:
    """Compare two .npz, .npy or .safetensors files of outputs; `first` is the reference.

    Raises:
        InputError: a file cannot be read.
        PolicyError: an unknown policy.
    """
    limits = load_policy(policy)
    comparer = Comparer(tasks=limits.tasks, metrics=tuple(load_metric(metric) for metric in limits.metrics))
    comparer.add(first.name, _outputs(first), _outputs(second))
    figures = comparer.result()
    return figures, judge(limits, figures, (), comparer.problems, comparer.task_figures)


def _outputs(path: Path) -> Mapping[str, np.ndarray]:
    if not path.is_file() or path.suffix not in READERS:
        raise InputError("no file of outputs", where=str(path), expected=", ".join(READERS), next_step="check the path")
    return read_arrays(path, "output")
