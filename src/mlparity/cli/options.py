"""The arguments and options that several commands share, each with its one help text."""

from __future__ import annotations

from typing import Annotated

import typer

from mlparity.core.words import ComputeUnit

SourceArgument = Annotated[
    str, typer.Argument(help="package.module:factory, file.py:factory, a .pt2 file, or a TorchScript file.")
]
InputsOption = Annotated[
    str | None,
    typer.Option(help="A folder of images, .npy, .npz or .safetensors files, or module:function that yields samples."),
]
PreprocessOption = Annotated[
    str | None, typer.Option(help="For images: a preset (imagenet), a TOML file, or module:function.")
]
ShapeOption = Annotated[
    list[str] | None, typer.Option(help="x:1,3,224,224 or ids:1,64:int32: an input of random samples.")
]
SeedOption = Annotated[int, typer.Option(help="The seed of random samples.")]
TargetOption = Annotated[str | None, typer.Option(help="The deployment target of Core ML, such as iOS17.")]
EvalOption = Annotated[bool, typer.Option("--eval", help="Put a module in training mode into eval mode.")]
TrustOption = Annotated[
    bool, typer.Option("--trust", help="Load a .pt2 file whose contents run as Python: only where you know its origin.")
]
UnitOption = Annotated[ComputeUnit, typer.Option(help="Core ML's compute units.")]
TimeLimitOption = Annotated[float, typer.Option(help="Seconds that Core AI may take to load, and for a sample.")]
RuntimeLogOption = Annotated[bool, typer.Option("--runtime-log", help="Show Core AI's own messages.")]
