"""`mlparity tune`: keep as few ops as possible in fp32, or store the weights in as few bits as possible."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mlparity.cli.options import (
    CHECKED,
    SAMPLES,
    EvalOption,
    ImageInputOption,
    InputsOption,
    PolicyOption,
    PreprocessOption,
    SeedOption,
    SettingOption,
    ShapeOption,
    SourceArgument,
    TargetOption,
    TrustOption,
)
from mlparity.cli.progress import LIMIT_HINT, shown_progress
from mlparity.cli.terminal import stdout
from mlparity.core.words import Verdict
from mlparity.record.compression_tuning import CompressionTuning
from mlparity.record.tuning import Tuning
from mlparity.report.compression_tuning import compression_tuning_text, sizes_table
from mlparity.report.terminal import outputs_table
from mlparity.report.tuning import tuning_text

SmallestOption = Annotated[
    bool,
    typer.Option(
        "--compress",
        rich_help_panel=CHECKED,
        help="Find the smallest file that passes instead: each weight is stored in as few bits as it bears.",
    ),
]


def tune(
    source: SourceArgument,
    out: Annotated[
        Path, typer.Option(metavar="FOLDER", help="Where the package, the op selector and tuning.json are written.")
    ],
    inputs: InputsOption = None,
    preprocess: PreprocessOption = None,
    image_input: ImageInputOption = None,
    policy: PolicyOption = "task",
    setting: SettingOption = None,
    shape: ShapeOption = None,
    limit: Annotated[
        int, typer.Option(min=1, metavar="N", rich_help_panel=SAMPLES, help="Use the first N samples.")
    ] = 16,
    seed: SeedOption = 0,
    target: TargetOption = None,
    compress: SmallestOption = False,
    eval_mode: EvalOption = False,
    trust: TrustOption = False,
) -> Verdict:
    """Convert SOURCE to fp16, and keep in fp32 only the ops that the policy needs; every candidate is run.

    With --compress: exit code 0 where a smaller file passes, 1 where none does, 2 bad input.
    """
    from mlparity import api

    options = api.VerifyOptions(
        settings=api.settings_from(setting or ()),
        shapes=tuple(shape or ()),
        deployment_target=target,
        eval_mode=eval_mode,
        trust=trust,
        preprocess=preprocess,
        image_input=image_input,
        limit=limit,
        seed=seed,
    )
    with shown_progress(LIMIT_HINT) as progress:
        if compress:
            small = api.tune_compression(source, out, inputs, policy, options, progress)
        else:
            found = api.tune(source, out, inputs, policy, options, progress)
    if not compress:
        _show(found, out)
        return Verdict.PASS
    _show_small(small, out)
    return Verdict.FAIL if small.best is None else Verdict.PASS


def _show_small(found: CompressionTuning, out: Path) -> None:
    console = stdout()
    console.print(
        f"Searched on {found.searched} samples, verified on {found.verified} others, in {', '.join(found.settings)}"
    )
    console.print(sizes_table(found))
    console.print()
    console.print(compression_tuning_text(found))
    names = (found.package, "compress.py", found.base) if found.best is not None else (found.base,)
    for name in (*names, "compression.html", "compression.json"):
        console.print(out / name)


def _show(found: Tuning, out: Path) -> None:
    console = stdout()
    console.print(f"{found.conversions} packages were converted and checked in {', '.join(found.settings)}")
    for title, tried in (("before", found.before), ("after", found.after)):
        console.print()
        ops = f"{tried.fp16_ops} ops in fp16, {tried.fp32_ops} in fp32"
        console.print(f"{title}: {tried.verdict}, {tried.size_bytes / 1e6:.2f} MB, {ops}")
        console.print(outputs_table(tried.outputs))
    console.print()
    console.print(tuning_text(found))
    for name in (found.package, "op_selector.py", "tuning.json"):
        console.print(out / name)
