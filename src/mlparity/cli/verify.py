"""`mlparity verify`: the main job."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mlparity.cli.github import annotate
from mlparity.cli.options import (
    CHECKED,
    EMULATED,
    SAMPLES,
    WORK,
    ArtifactPreprocessOption,
    CacheOption,
    CarryOption,
    CompressOption,
    EvalOption,
    FunctionOption,
    ImageInputOption,
    InputsOption,
    Lengths,
    LengthsOption,
    LimitOption,
    PolicyOption,
    PreprocessOption,
    RayOption,
    RuntimeLogOption,
    SeedOption,
    SettingOption,
    ShapeOption,
    SourceArgument,
    TargetsOption,
    TimeLimitOption,
    TrustOption,
)
from mlparity.cli.progress import LIMIT_HINT, shown_progress
from mlparity.cli.terminal import stdout
from mlparity.core.numbers import counted
from mlparity.core.words import Verdict
from mlparity.record.record import Record
from mlparity.report.causes import cause_sentence, other_causes
from mlparity.report.changes import changes_sentence, changes_table
from mlparity.report.decision import recommendation_text
from mlparity.report.fix import fix_lines
from mlparity.report.lowerings import lowering_sentences
from mlparity.report.remedies import remedies_of
from mlparity.report.terminal import STYLES, hazards_table, reason_lines, settings_table, task_lines, variants_table


def verify(
    source: SourceArgument,
    out: Annotated[Path, typer.Option(metavar="FOLDER", help="Where record, report and artifacts are written.")],
    inputs: InputsOption = None,
    preprocess: PreprocessOption = None,
    artifact_preprocess: ArtifactPreprocessOption = None,
    image_input: ImageInputOption = None,
    policy: PolicyOption = "consistency",
    setting: SettingOption = None,
    artifact: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="FILE",
            rich_help_panel=CHECKED,
            help="Verify this .mlpackage, .mlmodel, .aimodel or .tflite instead of converting; may be repeated.",
        ),
    ] = None,
    function: FunctionOption = "",
    class_output: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME",
            rich_help_panel=CHECKED,
            help="An output of class scores, or `none`; guessed by shape where this is not given. May be repeated.",
        ),
    ] = None,
    class_names: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            rich_help_panel=SAMPLES,
            help="The classes, one on each line, where images lie in one folder for each: their names give labels.",
        ),
    ] = None,
    carry: CarryOption = None,
    device_outputs: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="FILE",
            rich_help_panel=CHECKED,
            help="Outputs of the same --artifact that `mlparity run` saved on a device; may be repeated.",
        ),
    ] = None,
    shape: ShapeOption = None,
    limit: LimitOption = None,
    seed: SeedOption = 0,
    target: TargetsOption = None,
    lengths: LengthsOption = Lengths.RANGE,
    fp32_op: Annotated[
        list[str] | None,
        typer.Option(
            metavar="OP",
            rich_help_panel=CHECKED,
            help="Keep this op in fp32: a MIL op type or name; for Core AI such as aten.addmm. May be repeated.",
        ),
    ] = None,
    compress: CompressOption = None,
    members: Annotated[
        str,
        typer.Option(
            metavar="fast|all",
            rich_help_panel=EMULATED,
            help="How many plausible arithmetics of each processor are tried: the likely ones, or all.",
        ),
    ] = "fast",
    compute_plan: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            rich_help_panel=EMULATED,
            help="Which op runs on which processor, as saved on a Mac; for the setting that it was saved for.",
        ),
    ] = None,
    chips: Annotated[
        str | None,
        typer.Option(metavar="CHIPS", rich_help_panel=EMULATED, help="Only these chips, such as M1,M4,M6 or A18."),
    ] = None,
    time_limit: TimeLimitOption = 600,
    runtime_log: RuntimeLogOption = False,
    consistency_first: Annotated[
        bool,
        typer.Option(
            "--consistency-first",
            rich_help_panel=CHECKED,
            help="Recommend what is fp32 on the CPU or nothing, even if another setting is faster.",
        ),
    ] = False,
    model_explorer: Annotated[
        bool,
        typer.Option(
            "--model-explorer",
            rich_help_panel=CHECKED,
            help="Write the error of each op as node data for Model Explorer: on .tflite graphs, and that of a .pt2.",
        ),
    ] = False,
    xctest: Annotated[
        bool,
        typer.Option(
            "--xctest",
            rich_help_panel=CHECKED,
            help="Write an XCTest for the app, with golden samples and limits; --device-outputs reads what it saves.",
        ),
    ] = False,
    fix: Annotated[
        bool,
        typer.Option(
            "--fix",
            rich_help_panel=CHECKED,
            help="If no setting passes, convert again in other ways, for half an hour at most, and keep what passes.",
        ),
    ] = False,
    baseline: Annotated[
        Path | None,
        typer.Option(
            metavar="RECORD",
            rich_help_panel=CHECKED,
            help="An earlier record.json or output folder of this model: the report says what changed since.",
        ),
    ] = None,
    resume: Annotated[
        bool,
        typer.Option(
            rich_help_panel=WORK, help="Continue where the same command was stopped; --no-resume starts again."
        ),
    ] = True,
    cache: CacheOption = True,
    ray: RayOption = None,
    eval_mode: EvalOption = False,
    trust: TrustOption = False,
) -> Verdict:
    """Convert SOURCE, compare every converted model with it on the same samples, and say what differs, and why.

    Exit code: 0 pass, 1 fail, 2 bad input, 3 unknown.
    """
    from mlparity import api

    options = api.VerifyOptions(
        settings=api.settings_from(setting or ()),
        carry=api.pairs_from(carry or (), "--carry"),
        device_outputs=tuple(device_outputs or ()),
        shapes=tuple(shape or ()),
        artifacts=tuple(artifact or ()),
        function=function,
        deployment_targets=tuple(target or ()),
        enumerates=lengths is Lengths.ENUMERATED,
        fp32_ops=tuple(fp32_op or ()),
        compress=tuple(compress or ()),
        eval_mode=eval_mode,
        trust=trust,
        preprocess=preprocess,
        artifact_preprocess=artifact_preprocess,
        image_input=image_input,
        class_outputs=_class_outputs(class_output),
        class_names=api.class_names_from(class_names),
        limit=limit,
        seed=seed,
        runtime=api.RuntimeOptions(time_limit, runtime_log),
        resume=resume,
        cache=cache,
        ray=ray,
        consistency_first=consistency_first,
        fix=fix,
        model_explorer=model_explorer,
        xctest=xctest,
        baseline=baseline,
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
    console.print(f"{record.source.name} on {counted(record.samples.count, 'sample')}: {record.samples.description}")
    for note in (*record.source.notes, *lowering_sentences(record)):
        console.print(f"note: {note}")
    if record.samples.warning:
        console.print(f"warning: {record.samples.warning}", style="yellow")
    console.print()
    console.print(settings_table(record))
    if any(row.envelope is not None for row in record.settings):
        console.print()
        console.print(variants_table(record))
    for line in task_lines(record):
        console.print(line)
    if record.hazards:
        console.print()
        console.print(hazards_table(record))
    console.print()
    for line, style in reason_lines(record):
        console.print(line, style=style)
    console.print(f"Cause: {record.cause.kind}. {cause_sentence(record)}")
    for settings, cause, words in other_causes(record):
        console.print(f"Cause of {settings}: {cause.kind}. {words}")
    for remedy in remedies_of(record):
        console.print(f"What to do: {remedy}")
    console.print(f"Recommended: {recommendation_text(record)}")
    if record.fix is not None:
        cure, *tried = fix_lines(record)
        console.print(f"Cure: {cure}")
        for line in tried:
            console.print(f"- {line}")
        if record.fix.call:
            console.lines(record.fix.call)
    if record.changes is not None:
        console.print(changes_table(record.changes))
        console.print(f"Since the earlier record: {changes_sentence(record.changes)}")
    console.print(f"Verdict: {record.verdict}", style=STYLES[record.verdict])
    console.print(f"report: {out / 'report.html'}")
    console.print(f"record: {out / 'record.json'}")
    if record.recommendation.setting is not None and (folder / _SNIPPET).exists():
        console.print(f"for the app: {out / _SNIPPET}")


_SNIPPET = "VerifiedModel.swift"
