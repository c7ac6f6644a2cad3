"""`mlparity verify`: the main job."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mlparity.cli.github import annotate
from mlparity.cli.options import (
    EvalOption,
    InputsOption,
    PreprocessOption,
    RuntimeLogOption,
    SeedOption,
    ShapeOption,
    SourceArgument,
    TargetOption,
    TimeLimitOption,
    TrustOption,
)
from mlparity.cli.progress import LIMIT_HINT, shown_progress
from mlparity.cli.terminal import stdout
from mlparity.core.words import Verdict
from mlparity.record.record import Record
from mlparity.record.rows import RowState
from mlparity.report.causes import cause_sentence, other_causes
from mlparity.report.decision import decision_paragraph, recommendation_text
from mlparity.report.terminal import STYLES, hazards_table, settings_table, task_lines, variants_table


def verify(
    source: SourceArgument,
    out: Annotated[Path, typer.Option(help="The folder for record, report and artifacts.")],
    inputs: InputsOption = None,
    preprocess: PreprocessOption = None,
    policy: Annotated[str, typer.Option(help="consistency, task, or a policy file (TOML).")] = "consistency",
    setting: Annotated[
        list[str] | None,
        typer.Option(help="Only this setting, such as fp16/ALL, or a pattern, such as 'fp16/*'; may be repeated."),
    ] = None,
    artifact: Annotated[
        list[Path] | None, typer.Option(help="Verify this .mlpackage, .aimodel or .tflite in place of converting.")
    ] = None,
    class_output: Annotated[
        list[str] | None,
        typer.Option(help="An output of class scores, or none; may be repeated. Without it they are guessed by shape."),
    ] = None,
    carry: Annotated[
        list[str] | None, typer.Option(help="OUTPUT=INPUT: feed an output into the next sample's input.")
    ] = None,
    device_outputs: Annotated[
        list[Path] | None,
        typer.Option(help="Outputs that `mlparity run` saved on a device, of the same --artifact; may be repeated."),
    ] = None,
    shape: ShapeOption = None,
    limit: Annotated[int | None, typer.Option(min=1, help="Use the first N samples (or N random ones).")] = None,
    seed: SeedOption = 0,
    target: TargetOption = None,
    fp32_op: Annotated[
        list[str] | None,
        typer.Option(
            help="An op to keep in fp32: a MIL type or name, or for Core AI such as aten.addmm; may be repeated."
        ),
    ] = None,
    members: Annotated[
        str, typer.Option(help="fast or all: how many unit profiles of each processor are emulated.")
    ] = "fast",
    compute_plan: Annotated[
        Path | None, typer.Option(help="A placement that was saved on a Mac, for the setting that it is of.")
    ] = None,
    chips: Annotated[
        str | None,
        typer.Option(help="Emulate these chips alone, such as M1,M4,M6 or A18."),
    ] = None,
    time_limit: TimeLimitOption = 600,
    runtime_log: RuntimeLogOption = False,
    consistency_first: Annotated[
        bool, typer.Option("--consistency-first", help="Recommend fp32/CPU_ONLY or nothing, whatever is faster.")
    ] = False,
    resume: Annotated[
        bool, typer.Option(help="Go on where the same command was stopped; --no-resume starts over.")
    ] = True,
    eval_mode: EvalOption = False,
    trust: TrustOption = False,
) -> Verdict:
    """Convert SOURCE, run it and the artifacts on the same samples, compare, explain, and write the proof down.

    Exit code: 0 pass, 1 fail, 2 bad input, 3 unknown.
    """
    from mlparity import api

    options = api.VerifyOptions(
        settings=api.settings_from(setting or ()),
        carry=api.pairs_from(carry or (), "--carry"),
        device_outputs=tuple(device_outputs or ()),
        shapes=tuple(shape or ()),
        artifacts=tuple(artifact or ()),
        deployment_target=target,
        fp32_ops=tuple(fp32_op or ()),
        eval_mode=eval_mode,
        trust=trust,
        preprocess=preprocess,
        class_outputs=_class_outputs(class_output),
        limit=limit,
        seed=seed,
        runtime=api.RuntimeOptions(time_limit, runtime_log),
        resume=resume,
        consistency_first=consistency_first,
        members=api.members_from(members),
        chips=api.chips_from(chips),
        compute_plan=api.compute_plan_from(compute_plan),
    )
    folder = out.absolute()
    with shown_progress(LIMIT_HINT) as progress:
        record = api.verify(source, out, inputs, policy, options, progress)
    _show(record, out, folder)
    annotate(record, folder / "report.md")
    return record.verdict


def _class_outputs(names: list[str] | None) -> tuple[str, ...] | None:
    return None if not names else tuple(name for name in names if name != "none")


def _show(record: Record, out: Path, folder: Path) -> None:
    console = stdout()
    console.print(f"{record.source.name} on {record.samples.count} samples: {record.samples.description}")
    for note in record.source.notes:
        console.print(f"note: {note}")
    if record.samples.warning:
        console.print(f"warning: {record.samples.warning}", style="yellow")
    console.print()
    console.print(settings_table(record))
    if any(row.envelope is not None for row in record.settings):
        console.print()
        console.print(variants_table(record))
    for note, names in _notes(record).items():
        console.lines(f"{', '.join(names)}: {note}", style="dim")
    for line in task_lines(record):
        console.print(line)
    if record.hazards:
        console.print()
        console.print(hazards_table(record))
    console.print()
    console.print(f"Cause: {record.cause.kind}. {cause_sentence(record)}")
    for settings, cause, words in other_causes(record):
        console.print(f"Cause of {settings}: {cause.kind}. {words}")
    console.print(f"Recommended: {recommendation_text(record)}")
    if record.decision is not None:
        console.print(f"For a pull request: {decision_paragraph(record)}")
    console.print(f"Verdict: {record.verdict}", style=STYLES[record.verdict])
    console.print(f"report: {out / 'report.html'}")
    console.print(f"record: {out / 'record.json'}")
    if record.recommendation.setting is not None and (folder / _SNIPPET).exists():
        console.print(f"for the app: {out / _SNIPPET}")


def _notes(record: Record) -> dict[str, list[str]]:
    """Return why settings were not compared, each reason once."""
    found: dict[str, list[str]] = {}
    for row in record.settings:
        if row.state is not RowState.COMPARED:
            found.setdefault(row.note, []).append(str(row.setting))
    return found


_SNIPPET = "VerifiedModel.swift"
