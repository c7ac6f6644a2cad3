"""What a record's sentences say of the setting to ship and of the cure, held against its rows."""

from __future__ import annotations

import re
from collections.abc import Iterator

from mlparity.core.numbers import format_number
from mlparity.core.words import Grade, Provenance, Verdict
from mlparity.record.fix import Fix
from mlparity.record.record import Record
from mlparity.record.rows import RowState, SettingResult
from mlparity.report.decision import decision_paragraph, recommendation_text
from mlparity.report.fix import fix_lines


def of_choice(record: Record) -> Iterator[str]:
    """Yield each claim about what to ship that a row denies."""
    yield from _of_recommendation(record)
    yield from _of_passing(record)
    yield from _of_decision(record)
    if record.fix is not None:
        yield from _of_fix(record.fix, record)


def _rows(record: Record) -> list[SettingResult]:
    return [row for row in record.settings if row.state is RowState.COMPARED and not row.is_witness]


def _of_recommendation(record: Record) -> Iterator[str]:
    text, chosen = recommendation_text(record), record.recommendation.setting
    rows = [row for row in _rows(record) if row.setting == chosen]
    if chosen is not None and not any(row.verdict is Verdict.PASS for row in rows):
        yield f"{chosen} is to be shipped and does not pass"
    if chosen is None and "Ship " in text:
        yield "something is to be shipped, and nothing is recommended"
    if chosen is not None and not text.startswith(f"Ship {chosen}:"):
        yield f"{chosen} is recommended, and the sentence names another"
    flips = [output.flips.flipped for row in _rows(record) for output in row.outputs if output.flips is not None]
    if "--policy task" in text and any(flips):
        yield f"the task's policy is advised although {max(flips)} decisions changed"
    for count in re.findall(r"change up to (\d+) of", text):
        if int(count) != max(flips, default=0):
            yield f"up to {count} decisions change, and the table has {max(flips, default=0)}"


def _of_passing(record: Record) -> Iterator[str]:
    """What passes and fails in words does so in the rows; a computed pass is named beside an emulated choice."""
    text = recommendation_text(record)
    rows = {str(row.setting): row for row in _rows(record)}
    passing = [name for name, row in rows.items() if row.verdict is Verdict.PASS]
    others = [
        str(row.setting) for row in record.settings if row.verdict is Verdict.PASS and str(row.setting) not in rows
    ]
    if "No compared setting" in text and (passing or (others and "No compared setting passes" in text)):
        yield f"no setting is said to pass, and {passing or others} do"
    for names in re.findall(r"Failing: (.+?)\.(?: |$)", text):
        yield from (f"{name} does not fail" for name in names.split(", ") if rows[name].verdict is not Verdict.FAIL)
    chosen = rows.get(str(record.recommendation.setting))
    if chosen is not None and chosen.provenance is Provenance.EMULATED:
        for name in passing:
            if not rows[name].setting.depends_on_device and rows[name].provenance is Provenance.COMPUTED:
                yield from () if name in text else (f"{name} passes, computed, and is not named",)


def _of_decision(record: Record) -> Iterator[str]:
    if record.decision is None:
        return
    text, decision = decision_paragraph(record), record.decision
    shown = {row.setting for row in record.settings if not row.depends_on_unshown}
    fit = [each for each in decision.candidates if each.grade in (Grade.CONSISTENT, Grade.ACCEPTABLE)]
    ranks = [each.speed.rank for each in fit if each.speed is not None and each.setting in shown]
    for candidate in decision.candidates:
        if candidate.setting == decision.fastest and candidate.speed is not None:
            if candidate.speed.rank != min(ranks):
                yield f"the fastest, {candidate.setting}, has rank {candidate.speed.rank}, another {min(ranks)}"
            if f"{candidate.setting}, rank {candidate.speed.rank} of " not in text:
                yield f"the fastest, {candidate.setting}, stands without its rank"
    for row in _rows(record):
        for output in row.outputs if row.setting == record.recommendation.setting else ():
            size = format_number(output.figures.get("max_abs"))
            if f"{output.output} {size}" not in text:
                yield f"{output.output}: {size} is not in the paragraph"


def _of_fix(fix: Fix, record: Record) -> Iterator[str]:
    passing = [attempt for attempt in fix.attempts if attempt.verdict is Verdict.PASS]
    if fix.setting is None and passing:
        yield f"no cure was found, and {passing[0].change} passes"
    if fix.setting is None and any(row.verdict is Verdict.PASS for row in _rows(record)):
        yield "no cure was found, and a setting passes"
    if fix.script and (not fix.attempts or fix.attempts[-1].verdict is not Verdict.PASS):
        yield f"{fix.script} is a cure, and what was tried last does not pass"
    if fix.script and passing and format_number(fix.after) != format_number(passing[-1].max_abs):
        yield f"{fix.after} after the cure, {passing[-1].max_abs} where it was tried"
    if fix.setting is not None and not any(str(fix.setting) in line for line in fix_lines(record)):
        yield f"the cure, {fix.setting}, is not named"
