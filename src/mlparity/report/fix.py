"""What was tried to cure a difference, and what did, in words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from mlparity.core.numbers import format_number
from mlparity.core.words import Verdict
from mlparity.record.causes import CauseKind
from mlparity.record.fix import Attempt, Fix
from mlparity.record.record import Record


def fix_lines(record: Record) -> Iterator[str]:
    """Yield the cure, or that there is none; then each conversion that was tried. Nothing where nobody asked."""
    if record.fix is None:
        return
    yield " ".join((_cure(record.fix), *(_in_the_source(record) if record.fix.setting is None else ())))
    for attempt in record.fix.attempts:
        yield f"{attempt.change}: {_outcome(attempt)}"


_SOURCE_S_OWN: Mapping[CauseKind, str] = {
    CauseKind.BRANCH: "write the branch with tensors, as `torch.where` does, or convert a model for each of its ways",
    CauseKind.ORDER: "sort in the source what it leaves in any order",
    CauseKind.SOURCE: "run the source without its fast path: `torch.backends.mha.set_fastpath_enabled(False)`",
    CauseKind.NONDETERMINISM: "give the random numbers to the source as an input",
}
"""What to change in a source whose own doing the cause is."""


def _in_the_source(record: Record) -> Iterator[str]:
    kinds = dict.fromkeys(cause.kind for row in record.settings if not row.is_witness for cause in row.causes)
    steps = [_SOURCE_S_OWN[kind] for kind in kinds if kind in _SOURCE_S_OWN]
    if steps:
        yield f"The source itself has to change: {'; '.join(steps)}."


def _cure(fix: Fix) -> str:
    change = f"max difference {format_number(fix.before)} before, {format_number(fix.after)} after"
    if fix.setting is None:
        return f"No cure was found here: {_NOTHING_TRIED if not fix.attempts else _NOTHING_PASSED}."
    if not fix.attempts:
        return f"Nothing has to be converted again: ship {fix.setting} ({change})."
    return f"Ship {fix.setting}, {fix.attempts[-1].change} ({change}). {fix.script} made {fix.package}."


_NOTHING_PASSED = "no conversion by plain calls restores the policy"
_NOTHING_TRIED = "there is no other conversion by plain calls to try"


def _outcome(attempt: Attempt) -> str:
    if attempt.failure.startswith("not tried"):
        return attempt.failure
    if attempt.failure:
        return f"failed: {attempt.failure}"
    what = "passes" if attempt.verdict is Verdict.PASS else "does not pass"
    return f"{what}, max difference {format_number(attempt.max_abs)}"
