"""`mlparity tune`: keep as few ops as possible in fp32."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mlparity.cli.options import (
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
from mlparity.record.tuning import Tuning
from mlparity.report.terminal import outputs_table
from mlparity.report.tuning import tuning_text


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
    eval_mode: EvalOption = False,
    trust: TrustOption = False,
) -> None:
    """Convert SOURCE to fp16, and keep in fp32 only the ops that the policy needs; every candidate is run."""
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
        found = api.tune(source, out, inputs, policy, options, progress)
    _show(found, out)


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
