"""What may be chosen when a source is converted to Core ML."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from mlparity.core.image_input import ImageInput
from mlparity.core.lengths import Flexible, Shapes
from mlparity.core.words import Precision


@dataclass(frozen=True, slots=True)
class Format:
    """What coremltools is asked for: its name, and the deployment target that is tried first.

    None leaves the target to coremltools, which takes the lowest that has every layer. `specifications` are the
    versions of the targets that the format may have.
    """

    convert_to: str
    lowest_target: str | None
    specifications: range


LOWEST_TARGET = "iOS16"
"""The oldest deployment target that is tried: the first with fp16 inputs and outputs and with compressed weights.

Source: https://apple.github.io/coremltools/docs-guides/source/new-features.html
"""

PROGRAM = Format("mlprogram", LOWEST_TARGET, range(6, 100))
"""iOS 15 is the first with ML Programs. Source: coremltools 9.0, `AvailableTarget`."""

NETWORK = Format("neuralnetwork", None, range(4, 6))
"""coremltools makes networks for iOS 13 and 14 alone, and those run on every later one.

Source: https://apple.github.io/coremltools/docs-guides/source/target-conversion-formats.html
"""


class Frontend(StrEnum):
    """How PyTorch hands the model to coremltools."""

    TRACE = "trace"
    EXPORT = "export"
    DECOMPOSED = "export+decompositions"
    RUN = "run"


OpSelector = Callable[[object], bool]
"""Called with an op of coremltools' program (`op_type`, `name`, `inputs`, `outputs`); True keeps it in fp32."""


@dataclass(frozen=True, slots=True)
class CoremlOptions:
    """The choices of one conversion; each has a default that suits most models.

    Under fp16, `fp32_ops` keeps ops in fp32; a neural network declares no types, and takes none. An entry is a MIL op
    type ("softmax"), the name of an op or of its output, a function by name ("package.module:function"), or the
    function itself.
    Without a `deployment_target` ("iOS17", "macOS14", ...) the lowest one from iOS16 up that has every op is taken:
    the model then runs on the most devices. A network is made for iOS13 or iOS14, whatever newer target is named.
    `images` and `flexible` (axis to bounds) are by input name; inputs that neither names are tensors of the sample's
    shape. With `shapes` a flexible input takes those that it has there, and no others.
    `frontends` are tried in their order; for None see `mlparity.targets.coreml.convert`.
    """

    precision: Precision = Precision.FP32
    deployment_target: str | None = None
    fp32_ops: tuple[str | OpSelector, ...] = ()
    images: Mapping[str, ImageInput] = field(default_factory=dict)
    flexible: Flexible = field(default_factory=dict)
    shapes: tuple[Shapes, ...] = ()
    frontends: tuple[Frontend, ...] | None = None
    eval_mode: bool = False

    @property
    def format(self) -> Format:
        """The format of the model that is made."""
        return NETWORK if self.precision is Precision.NEURAL_NETWORK else PROGRAM
