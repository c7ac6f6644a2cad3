"""The arguments and options that several commands share, each with its one help text."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from mlparity.core.words import ComputeUnit

SAMPLES, CHECKED, EMULATED, WORK = "Samples", "What is verified", "Emulation of compute units", "How it runs"
"""The groups of options that a help text shows, each as a table of its own: one table has no room for all names."""


class Lengths(StrEnum):
    """How a conversion takes inputs of several lengths."""

    RANGE = "range"
    ENUMERATED = "enumerated"


SourceArgument = Annotated[
    str,
    typer.Argument(
        metavar="SOURCE", help="package.module:factory, file.py:factory, a .pt2 file, or a TorchScript file."
    ),
]
InputsOption = Annotated[
    str | None,
    typer.Option(
        metavar="INPUTS",
        rich_help_panel=SAMPLES,
        help="A folder of images (or of one folder for each class), .npy, .npz or .safetensors files, or a"
        " module:function that yields samples, or lists of steps.",
    ),
]
PreprocessOption = Annotated[
    str | None,
    typer.Option(
        metavar="HOW",
        rich_help_panel=SAMPLES,
        help="How images become arrays: a preset such as imagenet, a TOML file, or module:function.",
    ),
]
ArtifactPreprocessOption = Annotated[
    str | None,
    typer.Option(
        metavar="HOW",
        rich_help_panel=SAMPLES,
        help="How the app prepares images, if in another way: artifacts get these, and the source those of"
        " --preprocess.",
    ),
]
ImageInputOption = Annotated[
    str | None,
    typer.Option(
        metavar="NAME",
        rich_help_panel=SAMPLES,
        help="Convert this input as an image: Core ML takes the pixels, and the preprocessing is part of the model.",
    ),
]
ShapeOption = Annotated[
    list[str] | None,
    typer.Option(
        metavar="NAME:SIZES",
        rich_help_panel=SAMPLES,
        help="Draw random samples with this input, such as x:1,3,224,224 or ids:1,64:int32.",
    ),
]
CarryOption = Annotated[
    list[str] | None,
    typer.Option(
        metavar="OUTPUT=INPUT",
        rich_help_panel=SAMPLES,
        help="Feed this output into that input of the next sample; may be repeated.",
    ),
]
CompressOption = Annotated[
    list[str] | None,
    typer.Option(
        metavar="HOW",
        rich_help_panel=CHECKED,
        help="Verify with compressed weights too: int8, int4-block32, palettize4, prune50, or module:function; may be"
        " repeated.",
    ),
]
LimitOption = Annotated[
    int | None,
    typer.Option(min=1, metavar="N", rich_help_panel=SAMPLES, help="Use the first N samples, or N random ones."),
]
SeedOption = Annotated[int, typer.Option(metavar="N", rich_help_panel=SAMPLES, help="The seed of random samples.")]
PolicyOption = Annotated[
    str,
    typer.Option(
        metavar="POLICY", rich_help_panel=CHECKED, help="What is good enough: consistency, task, or a TOML file."
    ),
]
SettingOption = Annotated[
    list[str] | None,
    typer.Option(
        metavar="SETTING",
        rich_help_panel=CHECKED,
        help="Only this setting, such as fp16/ALL, or a pattern, such as 'neuralnetwork/*'; may be repeated.",
    ),
]
TargetOption = Annotated[
    str | None,
    typer.Option(metavar="TARGET", rich_help_panel=CHECKED, help="Core ML's minimum deployment target, such as iOS17."),
]
TargetsOption = Annotated[
    list[str] | None,
    typer.Option(
        "--target",
        metavar="TARGET",
        rich_help_panel=CHECKED,
        help="Core ML's minimum deployment target, such as iOS17; several are verified beside each other.",
    ),
]
EvalOption = Annotated[
    bool, typer.Option("--eval", rich_help_panel=WORK, help="Switch a model in training mode to eval mode.")
]
TrustOption = Annotated[
    bool,
    typer.Option(
        "--trust",
        rich_help_panel=WORK,
        help="Load a .pt2 file that contains Python code: only if you know where it comes from.",
    ),
]
LengthsOption = Annotated[
    Lengths,
    typer.Option(
        metavar="range|enumerated",
        rich_help_panel=CHECKED,
        help="How Core ML takes samples of several lengths: any in their range, or theirs alone.",
    ),
]
FunctionOption = Annotated[
    str,
    typer.Option(
        "--function",
        metavar="NAME",
        rich_help_panel=CHECKED,
        help="Which function of a file with several; its default one where this is not given.",
    ),
]
CacheOption = Annotated[
    bool,
    typer.Option(
        rich_help_panel=WORK,
        help="Take conversions of the same graph, weights and options from the cache, and keep new ones there.",
    ),
]
RayOption = Annotated[
    str | None,
    typer.Option(
        metavar="WHERE",
        rich_help_panel=WORK,
        help="Run the samples on workers: local or local:N here, or on a Ray cluster, auto or ray://HOST:PORT.",
    ),
]
UnitOption = Annotated[
    ComputeUnit, typer.Option(metavar="UNITS", help=f"Core ML's compute units: {', '.join(ComputeUnit)}.")
]
TimeLimitOption = Annotated[
    float,
    typer.Option(
        metavar="SECONDS", rich_help_panel=WORK, help="How long Core AI may take to load, and for each sample."
    ),
]
RuntimeLogOption = Annotated[
    bool, typer.Option("--runtime-log", rich_help_panel=WORK, help="Show Core AI's own messages.")
]
