"""The source in the flat form that converters and the torch backend share."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Source:
    """A PyTorch model whose `module` takes tensors by position and returns a tuple of tensors.

    `module` is a `torch.nn.Module` in eval mode (typed as object: this room does not know torch). Its positional
    inputs are `input_names`; its outputs are `output_names`, in order. `kind` is "module", "factory", "pt2" or
    "torchscript"; `location` is what the user typed. `sha256` covers parameters and buffers by name, and is "" where
    the source has none. `notes` say what was changed to run it.
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
