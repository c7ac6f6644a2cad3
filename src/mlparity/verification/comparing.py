"""Two sets of outputs, saved before or made here by artifacts, compared sample by sample."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from mlparity import __version__
from mlparity.compare.comparer import Comparer
from mlparity.compare.metrics import METRIC_INFOS
from mlparity.compare.user_metric import load_metric
from mlparity.compare.verdict import judge
from mlparity.core.errors import InputError
from mlparity.core.progress import Progress
from mlparity.record.comparison import Comparison
from mlparity.record.policy import Policy
from mlparity.report.comparison import write_comparison
from mlparity.samples.saved import OPENERS, SavedOutputs, open_saved
from mlparity.targets.table import suffixes, target_of
from mlparity.verification.execute import Feed, Step, execute
from mlparity.verification.policies import policy_of
from mlparity.verification.running import Making, save_outputs
from mlparity.verification.staging import real_path_of, staged_folder


def compare_and_write(
    first: Path, second: Path, policy: str | Policy, making: Making, progress: Progress, out: Path | None
) -> Comparison:
    """Compare as `compare_pair` does, and write the comparison into the folder `out`.

    Raises:
        MlparityError: as there, or the folder cannot be written.
    """
    if out is None:
        return compare_pair(first, second, policy, making, progress)
    with staged_folder(real_path_of(out)) as stage:
        compared = compare_pair(first, second, policy, making, progress)
        write_comparison(compared, stage)
    return compared


def compare_pair(first: Path, second: Path, policy: str | Policy, making: Making, progress: Progress) -> Comparison:
    """Compare two files of outputs, or artifacts, as `mlparity.api.compare_files` says.

    Raises:
        MlparityError: a file, an artifact, the samples or the policy cannot be used.
    """
    limits = policy_of(policy)
    _check_inputs((first, second), making.inputs)
    metrics = tuple(load_metric(metric) for metric in limits.metrics)
    comparer = Comparer(tasks=limits.tasks, metrics=metrics, both_ways=True)
    with ExitStack() as opened:
        ways = zip((first, second), (making, making.of_other), strict=True)
        reference, other = (opened.enter_context(_outputs_of(path, way, progress)) for path, way in ways)
        pairs = _pairs(reference, other)
        problems = (*_unpaired(reference, [pair[0] for pair in pairs]), *_unpaired(other, [pair[1] for pair in pairs]))
        saved = reference.saved
        execute(
            Feed(((name, {}) for name, _ in pairs), len(pairs)),
            lambda name, _: saved.read(name),
            (_Other(other.saved, dict(pairs), comparer),),
            progress,
        )
    outputs, own = comparer.result(), comparer.task_figures
    judged = judge(limits, outputs, (), (*problems, *comparer.problems), own, comparer.unlike)
    return Comparison(
        reference=reference.name,
        other=other.name,
        samples=len(pairs),
        policy=limits,
        verdict=judged.verdict,
        reasons=judged.reasons,
        outputs=outputs,
        task_figures=own,
        metrics=METRIC_INFOS,
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        mlparity_version=__version__,
    )


@dataclass(frozen=True, slots=True)
class _Side:
    """One of the two sets of outputs, and what the user calls it."""

    name: str
    saved: SavedOutputs


@dataclass(frozen=True, slots=True, eq=False)
class _Other:
    """The other side, whose samples have these names; what it saved is read one sample at a time."""

    saved: SavedOutputs
    names: Mapping[str, str]
    comparer: Comparer

    def add(self, step: Step) -> None:
        """Compare one sample."""
        self.comparer.add(step.name, step.expected, self.saved.read(self.names[step.name]))

    def rest(self) -> None:
        """Hold nothing anyhow."""


@contextmanager
def _outputs_of(path: Path, making: Making, progress: Progress) -> Iterator[_Side]:
    """Open the outputs of a file, or those that an artifact gives here; these go through a file of their own."""
    if making.inputs is None or target_of(path) is None:
        _check_saved(path)
        with open_saved(path) as saved:
            yield _Side(path.name, saved)
        return
    with tempfile.TemporaryDirectory() as folder:
        made = Path(folder) / "outputs.npz"
        save_outputs(path, made, making, progress)
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
    artifacts = [path for path in paths if target_of(path) is not None]
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
            expected=f"at least one of {', '.join(suffixes())}",
            next_step="leave --inputs out",
        )


def _check_saved(path: Path) -> None:
    if not path.exists() or path.suffix.lower() not in OPENERS:
        raise InputError(
            "neither a file of outputs nor an artifact",
            where=str(path),
            expected=", ".join((*OPENERS, *suffixes())),
            next_step="check the path",
        )
