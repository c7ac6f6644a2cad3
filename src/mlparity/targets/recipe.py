"""A conversion as a script of its own: plain calls of a converter, which a user can paste."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from mlparity.core.words import Precision

INPUTS = "fix_inputs.npz"
"""The file beside a script that holds the sample to trace with."""

HEAD = '''"""Converts {name} as mlparity verified it: `python {script}`, in the folder where `mlparity verify` ran."""

{imports}

HERE = Path(__file__).parent
{model}
sample = np.load(HERE / "{inputs}")
example = ({example},)

'''
"""What every script begins with: the module, and an example of its inputs."""


@dataclass(frozen=True, slots=True)
class InputCode:
    """One input of the source: its name, shape, and numpy dtype."""

    name: str
    shape: tuple[int, ...]
    dtype: str


@dataclass(frozen=True, slots=True)
class RecipeRequest:
    """What is to be converted by plain calls.

    `imports` and `model` are lines of code that import and make the source as `model`, in eval mode. `selector` is code
    that defines `compute_precision`, "" for the plain one of `precision`. `images` names the inputs that the artifact
    takes as images. `has_fast_path` tells of layers that PyTorch computes in two ways.
    """

    name: str
    imports: tuple[str, ...]
    model: str
    inputs: tuple[InputCode, ...]
    outputs: tuple[tuple[str, bool], ...]
    precision: Precision
    deployment_target: str | None = None
    selector: str = ""
    images: frozenset[str] = frozenset()
    has_fast_path: bool = False

    @property
    def is_plain(self) -> bool:
        """Whether it asks for the artifact's own arithmetic, and not for less of fp16."""
        return not self.selector


@dataclass(frozen=True, slots=True)
class Recipe:
    """A script that writes `file` beside itself; `call` is the part of it to paste, `change` what it does otherwise."""

    change: str
    precision: Precision
    file: str
    call: str
    script: str


Recipes = Callable[[RecipeRequest], Iterator[Recipe]]


def head_of(request: RecipeRequest, script: str, imports: tuple[str, ...]) -> str:
    """Return the beginning of a script."""
    standard = ("from pathlib import Path",)
    others = ("import numpy as np", "import torch", *imports, *request.imports)
    lines = [*sorted({line for line in others if _is_standard(line)} | set(standard)), ""]
    lines += sorted(line for line in dict.fromkeys(others) if not _is_standard(line))
    example = ", ".join(f'torch.from_numpy(sample["{spec.name}"])' for spec in request.inputs)
    return HEAD.format(
        name=request.name, script=script, imports="\n".join(lines), model=request.model, inputs=INPUTS, example=example
    )


def _is_standard(line: str) -> bool:
    return line in ("import sys", "from pathlib import Path")
