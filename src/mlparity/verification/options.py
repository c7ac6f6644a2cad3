"""What `verify` is asked for, checked before any work begins."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

from mlparity.core.errors import InputError
from mlparity.core.source import Source
from mlparity.core.words import Setting
from mlparity.targets.compressor import OwnCompression
from mlparity.targets.table import default_settings
from mlparity.targets.target import RuntimeOptions

if TYPE_CHECKING:
    from mlparity.engine.placement.compute_plan import ComputePlan


class Members(StrEnum):
    """How many plausible arithmetics of each processor are tried: the likely ones (`fast`), or all."""

    FAST = "fast"
    ALL = "all"


@dataclass(frozen=True, slots=True)
class VerifyOptions:
    """The choices of one verification; the defaults are those of the command line.

    - `settings`: what is verified. `artifacts`: model files that are verified instead of converting.
    - `function`: the function of the given artifacts that is verified, "" for the default one. `taken`: where artifacts
      come from that were taken out of such files, which nobody but the verification itself says.
    - `carry`: maps an output to the input that it feeds in the next sample.
    - `shapes`: the inputs of random samples, such as `x:1,3,224,224` or `ids:1,64:int32`; `seed` is theirs.
    - `limit`: how many samples are used; None uses all, or draws eight random ones.
    - `preprocess`: how pictures become arrays: the name of a preset, a TOML file or `module:function`.
    - `artifact_preprocess`: how the app prepares pictures, where that is another way; artifacts get these.
    - `image_input`: the input that Core ML conversions take as an image; the preprocessing is then part of the model.
    - `class_outputs`: the outputs that hold class scores; None guesses them by their shape.
    - `class_names`: the classes in the order of the model's output, for pictures in one folder for each class.
    - `device_outputs`: files that `mlparity run` saved on a device, for the same artifacts and samples.
    - `members`, `chips`, `compute_plan`: which arithmetics of the compute units are emulated, for which chips (empty:
      all with evidence of their own), and in which placement of the ops.
    - `deployment_target`, `fp32_ops`: options of the conversion. `deployment_targets`: several that are verified, each
      as settings of its own. `enumerates`: inputs of several lengths take the shapes of the samples alone.
    - `compress`: compressions of the weights, each verified as settings of its own: names such as "palettize4", and
      functions from a coremltools model to a compressed one, themselves or as `module:function`.
    - `eval_mode`: switch a model in training mode to eval mode.
    - `trust`: load a .pt2 file that contains Python code.
    - `noise_samples`: on how many samples the source runs in fp64 too, to know its own rounding; they are drawn once.
    - `cache`: take conversions that were made before from a folder of the user, and keep new ones there.
    - `open_bytes`: what open models may take together; those beyond it are opened in turn, for a block of samples each.
    - `resume`: continue where the same call was stopped; a checkpoint is written every `checkpoint_s` seconds.
    - `consistency_first`: recommend fp32 on the CPU or nothing, however fast other settings are.
    - `follows_artifacts`: nobody chose `settings`; they are those of an artifact that no default setting fits.
    - `baseline`: an earlier record of the same model, as a record.json or an output folder, to tell what changed since.
    - `model_explorer`: follow the first sample op by op and write the errors as node data for Model Explorer.
    - `xctest`: write a test in Swift with golden samples and limits for the recommended setting.
    - `ray`: workers that run the samples: `local` or `local:N` on this machine, or a Ray cluster, `auto` or
      `ray://HOST:PORT`. Every process has then one thread.
    - `fix`: where the policy fails, convert again in other ways and keep what passes.
    """

    settings: tuple[Setting, ...] = field(default_factory=default_settings)
    carry: Mapping[str, str] = field(default_factory=dict)
    device_outputs: tuple[Path, ...] = ()
    shapes: tuple[str, ...] = ()
    artifacts: tuple[Path, ...] = ()
    function: str = ""
    taken: Mapping[Path, Mapping[str, str]] = field(default_factory=dict)
    deployment_target: str | None = None
    deployment_targets: tuple[str, ...] = ()
    enumerates: bool = False
    fp32_ops: tuple[str, ...] = ()
    compress: tuple[str | OwnCompression, ...] = ()
    eval_mode: bool = False
    trust: bool = False
    preprocess: str | None = None
    artifact_preprocess: str | None = None
    image_input: str | None = None
    class_outputs: tuple[str, ...] | None = None
    class_names: tuple[str, ...] = ()
    limit: int | None = None
    seed: int = 0
    members: Members = Members.FAST
    chips: tuple[str, ...] = ()
    compute_plan: ComputePlan | None = None
    runtime: RuntimeOptions = field(default_factory=RuntimeOptions)
    resume: bool = True
    checkpoint_s: float = 30.0
    noise_samples: int = 64
    cache: bool = True
    open_bytes: int = 640 * 2**20
    consistency_first: bool = False
    fix: bool = False
    model_explorer: bool = False
    xctest: bool = False
    baseline: Path | None = None
    follows_artifacts: bool = False
    ray: str | None = None

    def carrying(self, source: Source) -> VerifyOptions:
        """Return the options with what the source itself carries from run to run."""
        return replace(self, carry={**source.carry, **self.carry})

    @property
    def is_default(self) -> bool:
        """Whether all settings that are verified by default are asked for, as where none is named."""
        asked = {setting.of_any_deployment for setting in self.settings}
        return self.follows_artifacts or asked >= set(default_settings())


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


def class_names_from(path: Path | None) -> tuple[str, ...]:
    """Return the class names in a text file, one on each line, none where there is no file.

    Raises:
        InputError: the file cannot be read, holds no name, or one twice.
    """
    from mlparity.samples.class_names import read_class_names

    return () if path is None else read_class_names(path)


def compute_plan_from(path: Path | None) -> ComputePlan | None:
    """Return the placement in a file, None where there is none.

    Raises:
        FormatError: the file is no compute plan.
    """
    from mlparity.engine.placement.compute_plan import read_compute_plan

    return None if path is None else read_compute_plan(path)
