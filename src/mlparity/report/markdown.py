"""The report as Markdown, for a pull request or a terminal; texts of the record are escaped."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from mlparity.core.numbers import counted, format_number
from mlparity.record.record import Artifact, Record
from mlparity.report.causes import cause_sentence, other_causes
from mlparity.report.changes import changes_markdown
from mlparity.report.decision import decision_paragraph, recommendation_text
from mlparity.report.escaping import escape, escape_code
from mlparity.report.fix import fix_lines
from mlparity.report.ladder import ladders_of
from mlparity.report.loaders import swift_of
from mlparity.report.lowerings import lowering_sentences
from mlparity.report.remedies import remedies_of
from mlparity.report.rows import columns_of, groups_of, ranked_outputs, remarks_of, rows_of
from mlparity.report.texts import (
    PROVENANCES,
    flips_sentence,
    limit_text,
    noise_of_text,
    noise_text,
    required_text,
    seconds_text,
    size_text,
    speed_text,
    task_figure_text,
    task_text,
)
from mlparity.report.variants import HAZARD_COLUMNS, VARIANT_COLUMNS, hazard_lines, rung_sentences, variant_lines

_WORST_OUTPUTS = 4


def markdown_report(record: Record) -> str:
    """Return the report as Markdown."""
    return "\n".join(_lines(record)).rstrip() + "\n"


def _lines(record: Record) -> Iterator[str]:
    yield from _head(record)
    yield from _settings(record)
    yield from _decision(record)
    yield from _section("Cause", _causes(record))
    yield from _fix(record)
    if record.changes is not None:
        yield from (*changes_markdown(record.changes, "Since the earlier record").splitlines(), "")
    yield from _variants(record)
    yield from _ladders(record)
    yield from _hazards(record)
    yield from _worst(record)
    yield from _own_metrics(record)
    yield from _section("Noise of the source", _noise(record))
    yield from _section("Samples", _samples(record))
    yield from _section("Artifacts", _artifacts(record))
    yield from _section("Policy", _policy(record))
    yield from _section("Environment", (f"- {escape(name)}: {escape(value)}" for name, value in _sorted(record)))
    yield from _section("Provenances", (f"- **{provenance}**: {words}" for provenance, words in PROVENANCES))


def _causes(record: Record) -> Iterator[str]:
    yield f"{record.cause.kind}: {escape(cause_sentence(record))}"
    yield from (f"\nWhat to do: {escape(remedy)}" for remedy in remedies_of(record))
    for settings, cause, words in other_causes(record):
        yield from ("", f"- {escape(settings)}: {cause.kind}. {escape(words)}")


def _fix(record: Record) -> Iterator[str]:
    if record.fix is None:
        return
    cure, *tried = fix_lines(record)
    yield from ("## Cure", "", escape(cure), "")
    yield from (f"- {escape(line)}" for line in tried)
    # Indented, not fenced: no text of a record can end such a block.
    yield from ("", *(f"    {escape_code(line)}" for line in record.fix.call.splitlines()), "")


def _head(record: Record) -> Iterator[str]:
    yield f"# {escape(record.source.name)}: {record.verdict}"
    yield ""
    yield escape(recommendation_text(record))
    snippet = swift_of(record)
    if snippet is not None:
        yield from ("", "```swift", snippet.rstrip().replace("```", "'''"), "```")
    yield ""


def _settings(record: Record) -> Iterator[str]:
    yield from ("## Settings", "")
    rows = rows_of(record)
    many = len({output.output for result in record.settings for output in result.outputs}) > 1
    emulated = any(row.certainty for row in rows)
    columns = columns_of(record)
    certainty, output = (("confidence",) if emulated else ()), (("output",) if many else ())
    yield from _heads("setting", "provenance", *certainty, *output, *columns, "verdict")
    for row in rows:
        cells = [cell.text for cell in row.cells] if row.cells else ["–"] * len(columns)
        name = (escape(row.output) if row.output else "–",) if many else ()
        setting = f"**{row.setting}**" if row.is_recommended else row.setting
        provenance = (row.provenance or "–", *((row.certainty or "–",) if emulated else ()))
        yield f"| {' | '.join((setting, *provenance, *name, *cells, row.verdict_word))} |"
    yield ""
    if many:
        yield from ("Each row shows the output that differs most for its scale, and the most flips of any output.", "")
    for remark in remarks_of(rows):
        yield f"- {', '.join(remark.settings)} ({remark.verdict_word}): {escape(remark.text)}"
    yield ""


def _heads(*names: str) -> Iterator[str]:
    yield f"| {' | '.join(names)} |"
    yield f"|{'|'.join(' --- ' for _ in names)}|"


def _ladders(record: Record) -> Iterator[str]:
    ladders = ladders_of(record)
    yield from ("## From the source to each run", "") if ladders else ()
    for ladder in ladders:
        yield from (f"Largest difference of {escape(ladder.output)}, one thing changed at a time:", "")
        yield from _heads("run", "provenance", "largest difference", "against the run below", "verdict")
        for line in ladder.lines:
            name = f"**{escape(line.name)}** (the cause shows here)" if line.decides else escape(line.name)
            provenance = f"{line.provenance} ({escape(line.detail)})" if line.detail else line.provenance
            yield f"| {' | '.join((name, provenance, line.text, line.added or '–', line.verdict or '–'))} |"
        yield ""


def _variants(record: Record) -> Iterator[str]:
    lines = variant_lines(record)
    if not lines:
        return
    yield from ("## What the compute units may compute", "")
    yield from _heads(*VARIANT_COLUMNS)
    for variant in lines:
        settings = ", ".join(f"**{name}**" if name in variant.dominates else name for name in variant.settings)
        names = (
            escape(text)
            for text in (variant.name, variant.profiles, variant.chips, variant.confidence, variant.provenance)
        )
        yield f"| {' | '.join((*names, settings, *(cell.text for cell in variant.cells), variant.verdict))} |"
    yield from ("", "A setting in bold takes its verdict from that variant, its worst one.", "")
    yield from (f"- {escape(sentence)}" for sentence in rung_sentences(record))
    yield ""


def _hazards(record: Record) -> Iterator[str]:
    lines = hazard_lines(record)
    if not lines:
        return
    yield from ("## What these samples may not show", "")
    yield from _heads(*HAZARD_COLUMNS)
    for hazard in lines:
        where = f"{hazard.location} ({hazard.op} in {hazard.artifact})"
        texts = (f"{hazard.kind}: {hazard.sentence}", where, hazard.processors, *(cell.text for cell in hazard.cells))
        yield f"| {' | '.join(escape(text) for text in (*texts, hazard.remedy, hazard.certainty))} |"
    yield ""


def _worst(record: Record) -> Iterator[str]:
    yield from ("## Worst samples", "")
    for group in groups_of(record):
        for output in ranked_outputs(group.outputs)[:_WORST_OUTPUTS]:
            provenance = ", ".join(part for part in (group.provenance, escape(group.variant)) if part)
            yield f"**{group.title}** ({provenance}), {escape(output.output)}:"
            if output.flips is not None:
                yield flips_sentence(output.flips, output.task)
            yield ""
            for worst in output.worst:
                size = f"max {format_number(worst.max_abs)}, mean {format_number(worst.mean_abs)}"
                yield f"- {escape(worst.sample)}: {size}"
            yield ""


def _decision(record: Record) -> Iterator[str]:
    decision = record.decision
    if decision is None:
        return
    yield from ("## Decision", "", escape(decision_paragraph(record)), "")
    yield from ("| setting | grade | speed (1 = fastest) |", "| --- | --- | --- |")
    yield from (
        f"| {candidate.setting} | {candidate.grade} | {speed_text(candidate)} |" for candidate in decision.candidates
    )
    bases = dict.fromkeys(candidate.speed.basis for candidate in decision.candidates if candidate.speed is not None)
    yield from ("", *(f"- {escape(basis)}" for basis in bases), "")
    yield from (f"- {escape(name)}: {escape(source)}" for name, source in decision.evidence.items())
    yield ""


def _own_metrics(record: Record) -> Iterator[str]:
    groups = [group for group in groups_of(record) if group.task_figures]
    if groups:
        lines = [
            f"- **{group.title}** ({group.provenance}): {escape(task_figure_text(figure, record.policy))}"
            for group in groups
            for figure in group.task_figures
        ]
        yield from _section("Your own metrics", lines)


def _noise(record: Record) -> Iterator[str]:
    if not record.noise:
        yield "The source was not run in fp64."
    for noise in record.noise:
        yield f"- {escape(noise.output)}: {noise_of_text(noise)} (fp32 against fp64, measured)"


def _samples(record: Record) -> Iterator[str]:
    yield f"- {escape(record.samples.description)}"
    yield f"- {counted(record.samples.count, 'sample')}, SHA-256 {escape(record.samples.sha256)}"
    for output, name in sorted(record.samples.carry.items()):
        yield f"- carried from sample to sample: {escape(output)} to {escape(name)}"
    if record.samples.warning:
        yield f"- **{escape(record.samples.warning)}**"


def _artifacts(record: Record) -> Iterator[str]:
    for artifact in record.artifacts:
        yield from _artifact(artifact)
    yield from (f"- {escape(sentence)}" for sentence in lowering_sentences(record))


def _artifact(artifact: Artifact) -> Iterator[str]:
    made = f"by {escape(artifact.frontend)}" + (f" in {seconds_text(artifact.seconds)}" if artifact.seconds else "")
    yield (
        f"- {escape(artifact.path)}: {escape(artifact.target)}, {artifact.precision},"
        f" {size_text(artifact.size_bytes)}, {made}, SHA-256 {escape(artifact.sha256)}"
    )
    yield from (f"  - {escape(name)}: {escape(value)}" for name, value in sorted(artifact.options.items()))
    yield from (f"  - tried before: {escape(attempt)}" for attempt in artifact.attempts)


def _policy(record: Record) -> Iterator[str]:
    yield f"- {escape(record.policy.name)}: {escape(required_text(record.policy))}"
    yield from (f"- {escape(limit_text(limit))}" for limit in record.policy.limits)
    yield f"- {noise_text(record.policy)}"
    yield from (f"- task of {escape(task_text(task))}" for task in record.policy.tasks)


def _sorted(record: Record) -> list[tuple[str, str]]:
    return [("mlparity", record.mlparity_version), ("created", record.created), *sorted(record.environment.items())]


def _section(title: str, lines: Iterable[str]) -> Iterator[str]:
    yield from (f"## {title}", "", *lines, "")
