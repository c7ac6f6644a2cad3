"""What a target is: one frozen record, from which everything else in the project is read."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from mlparity.core.errors import InputError
from mlparity.core.graph_trace import GraphTrace
from mlparity.core.session import Outputs, Sample, Session
from mlparity.core.source import Source
from mlparity.core.words import ComputeUnit, Kernels, Precision, Provenance, Setting
from mlparity.record.rows import SettingResult
from mlparity.targets.compressor import Compressor
from mlparity.targets.inspection import Inspection
from mlparity.targets.metadata import SIDECAR, Metadata
from mlparity.targets.recipe import Recipes

if TYPE_CHECKING:
    from mlparity.engine.mil.program import Function
    from mlparity.engine.placement.compute_plan import ComputePlan
    from mlparity.engine.placement.variants import Variant
    from mlparity.engine.runtime.interpret import Tap


@dataclass(frozen=True, slots=True)
class RuntimeOptions:
    """How to treat a runtime that runs in a separate process, as Core AI does.

    `time_limit` applies to loading, and to each sample. With `show_log` the runtime's messages go to stderr.
    Units: seconds.

    Raises:
        InputError: the time limit is not a positive number of seconds, or is above a day.
    """

    time_limit: float = 600.0
    show_log: bool = False

    def __post_init__(self) -> None:
        """Check the limit; NaN is no time."""
        if not 0 < self.time_limit <= _DAY:
            raise InputError(
                "no time limit", found=f"{self.time_limit:g} s", expected=f"more than 0 s and at most {_DAY} s"
            )


_DAY = 86_400


@dataclass(frozen=True, slots=True, eq=False)
class Request:
    """What is converted, and into which file or folder.

    The first of `samples` gives types and shapes; a target may check its conversion on all of them. `frontend` is the
    route that an earlier conversion of the same source took, "" where there was none. With `enumerates` an input of
    several lengths takes the shapes that the samples show, and no others, where a target has that choice.
    """

    source: Source
    samples: Sequence[Sample]
    precision: Precision
    path: Path
    deployment_target: str | None = None
    fp32_ops: tuple[str, ...] = ()
    frontend: str = ""
    enumerates: bool = False


@dataclass(frozen=True, slots=True)
class Conversion:
    """How an artifact was made: the route, those that were tried before it, the converter's options, and seconds."""

    frontend: str
    attempts: tuple[str, ...]
    options: Mapping[str, str]
    seconds: float


@dataclass(frozen=True, slots=True)
class Opening:
    """How an artifact is opened: on which compute units or kernels, where its target has a choice, and by which names.

    The source's names replace the artifact's own by position where they differ.
    """

    unit: ComputeUnit | Kernels | None = None
    input_names: tuple[str, ...] = ()
    output_names: tuple[str, ...] = ()
    runtime: RuntimeOptions = field(default_factory=RuntimeOptions)


class EngineSession(Session, Protocol):
    """A session of our engine, which also tells a sample as the program takes it."""

    @property
    def states(self) -> Mapping[str, str]:
        """Each state's name in samples and outputs, to the program's own."""
        ...

    def features(self, sample: Sample) -> Mapping[str, object]:
        """Return a sample under the program's own names, pixels as images."""
        ...


class Emulation(Protocol):
    """An artifact as our engine runs it."""

    @property
    def is_emulated(self) -> bool:
        """Whether compute units calculate it differently."""
        ...

    def function(self) -> Function:
        """Return the program's default function."""
        ...

    def variants(
        self, setting: Setting, chips: Sequence[str], plan: ComputePlan | None, *, fast: bool
    ) -> tuple[Variant, ...]:
        """Return the plausible variants of a setting on `chips` (all where empty); none where nothing is emulated."""
        ...


@dataclass(frozen=True, slots=True)
class EngineSupport:
    """What our engine does for a target whose artifacts are ML Programs.

    `emulation` reads an artifact, and returns None where the platform's own runtime predicts. `open_variant` calculates
    in one variant, in the reference arithmetic where that is None. `watch` shows a tap the values without fp16's
    limits. `provenance` says where the numbers of a variant come from, `plain_provenance` where those of a plain
    prediction do.
    """

    emulation: Callable[[Path], Emulation | None]
    open_variant: Callable[[Path, Opening, Variant | None], EngineSession]
    watch: Callable[[Path, tuple[str, ...], Tap], Session]
    provenance: Callable[[Variant | None], Provenance]
    plain_provenance: Callable[[Path], Provenance]


@dataclass(frozen=True, slots=True)
class TraceSupport:
    """What a target's own runtime tells of a run beside its outputs.

    `trace` gives the values of every op on a sample. `run_by_reference` runs the same file with another implementation,
    one written to be right and not fast; None where there is none.
    """

    trace: Callable[[Path, Opening, Sample], GraphTrace]
    run_by_reference: Callable[[Path, Opening, Sample], Outputs] | None = None


@dataclass(frozen=True, slots=True)
class Loader:
    """A file that loads the recommended artifact as it was verified.

    `mark` begins a comment in its language. `text` takes the recommended row and the comments that say what was
    verified, and returns None where there is nothing to set.
    """

    file: str
    mark: str
    text: Callable[[SettingResult, str], str | None]


@dataclass(frozen=True, slots=True)
class TakenOut:
    """A model of a file that may hold several: an artifact of its own, its name in the file, and those left there.

    `path` is the file itself where it holds this model alone. `beside` is what the file runs around the model in one
    run, so that the model alone does not compute what the file does.
    """

    path: Path
    function: str = ""
    others: tuple[str, ...] = ()
    beside: tuple[str, ...] = ()


def _always(_setting: Setting, _is_asked: bool) -> str:
    return ""


@dataclass(frozen=True, slots=True)
class Target:
    """What a source is converted to, and all that the project has to know of it.

    An artifact is converted to the first of `suffixes`, or to that which `suffix_of` has for its precision.
    `take_out` gives one model of a file, by its name or "" for the default one, as an artifact, which it writes into a
    folder unless the file is one; None where each file is. `containers` are endings of files that are none themselves.
    `settings` are verified where nothing else is asked for, `extra_settings` where they are named; of a target that is
    `on_request`, both only where they are named. A target that `leads` is what an app ships: its settings are judged,
    and other targets' are witnesses beside it. `open_artifact` gives plain predictions. `not_applicable` says why a
    setting does not exist on this machine, "" where it does; it is told whether somebody asked for the target.
    `compressor` compresses weights. `recipes` are conversions by plain calls of the converter. Both are None where
    there are none.
    `deployment_targets` are those that it can be converted for, oldest first; None where that is no choice.
    """

    name: str
    title: str
    suffixes: tuple[str, ...]
    settings: tuple[Setting, ...]
    convert: Callable[[Request], Conversion]
    open_artifact: Callable[[Path, Opening], Session]
    inspect: Callable[[Path], Inspection]
    precision: Callable[[Path], Precision]
    extra_settings: tuple[Setting, ...] = ()
    on_request: bool = False
    suffix_of: Mapping[Precision, str] = field(default_factory=dict, hash=False)
    take_out: Callable[[Path, str, Path], TakenOut] | None = None
    containers: tuple[str, ...] = ()
    leads: bool = False
    not_applicable: Callable[[Setting, bool], str] = _always
    metadata: Metadata = SIDECAR
    loaders: tuple[Loader, ...] = ()
    compressor: Compressor | None = None
    recipes: Recipes | None = None
    engine: EngineSupport | None = None
    tracing: TraceSupport | None = None
    deployment_targets: Callable[[], tuple[str, ...]] | None = None
