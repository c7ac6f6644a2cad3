"""The source in the flat form that converters and the torch backend share."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from mlparity.core.image_input import ImageInput
from mlparity.core.lengths import Flexible, Shapes

_WRAPPERS = re.compile(r"^inner(\.stateful\.inner)?(\.behind_pixels)?(\.|$)")


def own_path(path: str) -> str:
    """Return the path of a part of a source's `module` as the user's own module has it."""
    return _WRAPPERS.sub("", path)


def left_by(state: str) -> str:
    """Return the name of the output that tells what a run leaves in a state."""
    return f"{state}_out"


@dataclass(frozen=True, slots=True, eq=False)
class State:
    """A buffer that a run writes and the next one reads: its name, its input and output, and its first values."""

    buffer: str
    input: str
    output: str
    initial: np.ndarray


@dataclass(frozen=True, slots=True, eq=False)
class Imaged:
    """A source as it is converted with images as inputs: its module takes what these inputs make of the pixels."""

    source: Source
    inputs: Mapping[str, ImageInput]


@dataclass(frozen=True, slots=True)
class Source:
    """A PyTorch model whose `module` takes tensors by position and returns a tuple of tensors.

    `module` is a `torch.nn.Module` in eval mode (typed as object: this room does not know torch). Its positional
    inputs are `input_names`; its outputs are `output_names`, in order. `kind` is "module", "factory", "pt2" or
    "torchscript"; `location` is what the user typed. `sha256` covers parameters and buffers by name, and is "" where
    the source has none. `notes` say what was changed to run it.

    `lengths` are the dimensions of inputs that vary, as far as the samples show, and `shapes` the shapes that they
    have.
    Where the source keeps a state in its buffers, `module` takes each of the `states` behind its inputs and returns it
    behind its outputs; `stateful` is the source whose module keeps it.
    Where `module` takes pixels that a conversion takes as an image, `imaged` is the source of that conversion.
    """

    name: str
    kind: str
    location: str
    module: object
    input_names: tuple[str, ...]
    output_names: tuple[str, ...]
    parameters: int | None
    sha256: str
    notes: tuple[str, ...] = ()
    lengths: Flexible = field(default_factory=dict)
    shapes: tuple[Shapes, ...] = ()
    states: tuple[State, ...] = ()
    stateful: Source | None = None
    imaged: Imaged | None = None

    @property
    def carry(self) -> Mapping[str, str]:
        """The output of each state to the input that it feeds in the next run."""
        return {state.output: state.input for state in self.states}

    @property
    def initial(self) -> Mapping[str, np.ndarray]:
        """The value of each state before the first run, by its input."""
        return {state.input: state.initial for state in self.states}
