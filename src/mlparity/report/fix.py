"""What was tried to cure a difference, and what did, in words."""

from __future__ import annotations

from collections.abc import Iterator

from mlparity.core.numbers import format_number
from mlparity.core.words import Verdict
from mlparity.record.fix import Attempt, Fix


def fix_lines(fix: Fix) -> Iterator[str]:
    """Yield the cure, or that there is none; then each conversion that was tried."""
    yield _cure(fix)
    for attempt in fix.attempts:
        yield f"{attempt.change}: {_outcome(attempt)}"


def _cure(fix: Fix) -> str:
    change = f"max difference {format_number(fix.before)} before, {format_number(fix.after)} after"
    if fix.setting is None:
        return "No cure was found here: no conversion by plain calls restores the policy."
    if not fix.attempts:
        return f"Nothing has to be converted again: ship {fix.setting} ({change})."
    return f"Ship {fix.setting}, {fix.attempts[-1].change} ({change}). {fix.script} made {fix.package}."


def _outcome(attempt: Attempt) -> str:
    if attempt.failure:
        return f"failed: {attempt.failure}"
    what = "passes" if attempt.verdict is Verdict.PASS else "does not pass"
    return f"{what}, max difference {format_number(attempt.max_abs)}"
