"""Two sets of outputs, saved before or made here by artifacts, compared sample by sample."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from mlparity.api.artifacts import SUFFIXES
from mlparity.api.options import RuntimeOptions
from mlparity.api.run import run_artifact
from mlparity.compare.comparer import Comparer
from mlparity.compare.metrics import METRIC_INFOS
from mlparity.compare.policy_file import policy_of
from mlparity.compare.user_metric import load_metric
from mlparity.compare.verdict import Judgement, judge
from mlparity.core.boundary import typed_errors
from mlparity.core.errors import InputError
from mlparity.core.policy import Policy
from mlparity.core.progress import Progress, silent
from mlparity.core.record import MetricInfo, OutputFigures, TaskFigure
from mlparity.core.words import ComputeUnit
from mlparity.samples.saved import OPENERS, SavedOutputs, open_saved


@dataclass(frozen=True, slots=True)
class Compared:
    """What two sets of outputs show: the figures of each output, those of the user's own metrics, and the verdict.

    `metrics` says what the figures mean.
    """

    outputs: tuple[OutputFigures, ...]
    task_figures: tuple[TaskFigure, ...]
    judgement: Judgement
    metrics: tuple[MetricInfo, ...] = METRIC_INFOS


@dataclass(frozen=True, slots=True)
class Making:
    """How an artifact in the place of saved outputs is run: on which inputs, and as `run_artifact` takes the rest."""

    inputs: str | None = None
    preprocess: str | None = None
    unit: ComputeUnit = ComputeUnit.ALL
    runtime: RuntimeOptions | None = None


@typed_errors
def compare_outputs(
    first: Path,
    second: Path,
    policy: str | Policy = "consistency",
    inputs: str | None = None,
    preprocess: str | None = None,
    unit: ComputeUnit = ComputeUnit.ALL,
    progress: Progress = silent,
    runtime: RuntimeOptions | None = None,
) -> tuple[tuple[OutputFigures, ...], Judgement]:
    """Return the figures and the verdict of `compare_files`."""
    compared = compare_files(first, second, policy, Making(inputs, preprocess, unit, runtime), progress)
    return compared.outputs, compared.judgement


@typed_errors
def compare_files(
    first: Path, second: Path, policy: str | Policy, making: Making, progress: Progress = silent
) -> Compared:
    """Compare two .npz, .npy or .safetensors files of outputs; `first` is the reference.

    In the place of a file there may be an artifact, which is run. Samples pair by name, a lone one with a lone one,
    and are compared one at a time, as `verify` does it. A sample that one side alone has, or an output that only the
    second has, makes the verdict `unknown`; an output that the second lacks, or has in another shape, fails.

    Raises:
        InputError: a file cannot be read, or there are `inputs` for no artifact, or an artifact without them.
        PolicyError: a policy that is unknown or not valid, or a metric of it that fails.
        MlparityError: an artifact or the samples cannot be used.
    """
    limits = policy_of(policy)
    _check_inputs((first, second), making.inputs)
    metrics = tuple(load_metric(metric) for metric in limits.metrics)
    comparer = Comparer(tasks=limits.tasks, metrics=metrics, both_ways=True)
    with ExitStack() as opened:
        reference, other = (opened.enter_context(_outputs_of(path, making, progress)) for path in (first, second))
        pairs = _pairs(reference, other)
        problems = (*_unpaired(reference, [pair[0] for pair in pairs]), *_unpaired(other, [pair[1] for pair in pairs]))
        for place, (name, same) in enumerate(pairs):
            progress("compare", place, len(pairs))
            comparer.add(name, reference.saved.read(name), other.saved.read(same))
        progress("compare", len(pairs), len(pairs))
    outputs, own = comparer.result(), comparer.task_figures
    return Compared(outputs, own, judge(limits, outputs, (), (*problems, *comparer.problems), own, comparer.unlike))


@dataclass(frozen=True, slots=True)
class _Side:
    """One of the two sets of outputs, and what the user calls it."""

    name: str
    saved: SavedOutputs


@contextmanager
def _outputs_of(path: Path, making: Making, progress: Progress) -> Iterator[_Side]:
    """Open the outputs of a file, or those that an artifact gives here; these go through a file of their own."""
    if making.inputs is None or path.suffix not in SUFFIXES:
        _check_saved(path)
        with open_saved(path) as saved:
            yield _Side(path.name, saved)
        return
    with tempfile.TemporaryDirectory() as folder:
        made = Path(folder) / "outputs.npz"
        run_artifact(path, making.inputs, made, making.preprocess, making.unit, progress, making.runtime)
        with open_saved(made) as saved:
            yield _Side(path.name, saved)


def _pairs(reference: _Side, other: _Side) -> list[tuple[str, str]]:
    names, others = reference.saved.samples, other.saved.samples
    if len(names) == len(others) == 1:
        return [(names[0], others[0])]
    known = set(others)
    return [(name, name) for name in names if name in known]


def _unpaired(side: _Side, paired: list[str]) -> tuple[str, ...]:
    """Say which samples only this side has, or nothing."""
    known = set(paired)
    alone = [name for name in side.saved.samples if name not in known]
    if not alone:
        return ()
    more = f" and {len(alone) - _NAMED} more" if len(alone) > _NAMED else ""
    count = f"{len(alone)} of {len(side.saved.samples)} samples"
    return (f"{count} of {side.name} have no outputs on the other side: {', '.join(alone[:_NAMED])}{more}",)


_NAMED = 5


def _check_inputs(paths: tuple[Path, ...], inputs: str | None) -> None:
    artifacts = [path for path in paths if path.suffix in SUFFIXES]
    if artifacts and inputs is None:
        raise InputError(
            "an artifact is compared by what it predicts, and there are no inputs",
            where=str(artifacts[0]),
            next_step="name the samples with --inputs, or compare saved outputs",
        )
    if inputs is not None and not artifacts:
        raise InputError(
            "inputs belong to an artifact, and both files are saved outputs",
            found=inputs,
            expected=f"at least one of {', '.join(SUFFIXES)}",
            next_step="leave --inputs out",
        )


def _check_saved(path: Path) -> None:
    if not path.exists() or path.suffix.lower() not in OPENERS:
        raise InputError(
            "neither a file of outputs nor an artifact",
            where=str(path),
            expected=", ".join((*OPENERS, *SUFFIXES)),
            next_step="check the path",
        )
