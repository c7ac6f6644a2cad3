"""What `verify` is asked for, checked before any work begins."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

from mlparity.core.errors import InputError
from mlparity.core.words import Setting
from mlparity.targets.table import default_settings
from mlparity.targets.target import RuntimeOptions

if TYPE_CHECKING:
    from mlparity.engine.placement.compute_plan import ComputePlan


class Members(StrEnum):
    """How many of the plausible numerics of each processor are run."""

    FAST = "fast"
    ALL = "all"


@dataclass(frozen=True, slots=True)
class VerifyOptions:
    """The choices of one verification; each has the default of the command line.

    `carry` maps an output to the input that it feeds in the next sample. `shapes` (`x:1,3,224,224`,
    `ids:1,64:int32`) are for random samples.
    `artifacts` are verified instead of converting. `class_outputs` names the outputs that are class scores, whose top
    class is compared; None guesses them by their shape. `members` and `chips` (all with evidence of their own where
    empty) say which numerics of the compute units are emulated. `device_outputs` are files that `mlparity run` wrote
    on a device, for the same artifacts and samples. With `resume` a call goes on where an identical one was
    stopped; a checkpoint is written every `checkpoint_s` seconds.
    `consistency_first` recommends fp32/CPU_ONLY or nothing, however fast the others are. `trust` loads a .pt2 file
    that brings code of its own.
    """

    settings: tuple[Setting, ...] = field(default_factory=default_settings)
    carry: Mapping[str, str] = field(default_factory=dict)
    device_outputs: tuple[Path, ...] = ()
    shapes: tuple[str, ...] = ()
    artifacts: tuple[Path, ...] = ()
    deployment_target: str | None = None
    fp32_ops: tuple[str, ...] = ()
    eval_mode: bool = False
    trust: bool = False
    preprocess: str | None = None
    class_outputs: tuple[str, ...] | None = None
    limit: int | None = None
    seed: int = 0
    members: Members = Members.FAST
    chips: tuple[str, ...] = ()
    compute_plan: ComputePlan | None = None
    runtime: RuntimeOptions = field(default_factory=RuntimeOptions)
    resume: bool = True
    checkpoint_s: float = 30.0
    consistency_first: bool = False

    @property
    def is_default(self) -> bool:
        """Whether no setting was asked for by name."""
        return self.settings == default_settings()


def pairs_from(texts: Sequence[str], option: str) -> dict[str, str]:
    """Return `NAME=VALUE` texts as a mapping.

    Raises:
        InputError: a text of another form.
    """
    pairs = [text.partition("=") for text in texts]
    for text, (name, _, value) in zip(texts, pairs, strict=True):
        if not name or not value:
            raise InputError(f"{option} takes NAME=VALUE", found=text, next_step=f"for example {option} name=value")
    return {name: value for name, _, value in pairs}


def members_from(name: str) -> Members:
    """Return the choice of that name.

    Raises:
        InputError: an unknown name.
    """
    if name not in tuple(Members):
        raise InputError("--members takes fast or all", found=name, next_step="use one of these")
    return Members(name)


def chips_from(text: str | None) -> tuple[str, ...]:
    """Return the chips in a list with commas, none where there is no list.

    Raises:
        InputError: an unknown chip, or an empty list.
    """
    from mlparity.engine.placement.variants import check_chips

    return () if text is None else check_chips([name.strip() for name in text.split(",") if name.strip()])


def compute_plan_from(path: Path | None) -> ComputePlan | None:
    """Return the placement in a file, None where there is none.

    Raises:
        FormatError: the file is no compute plan.
    """
    from mlparity.engine.placement.compute_plan import read_compute_plan

    return None if path is None else read_compute_plan(path)
