"""The figures that a record's sentences print, held against its tables."""

from __future__ import annotations

import re
from collections.abc import Iterator

from mlparity.core.finiteness import mismatches
from mlparity.core.numbers import format_number
from mlparity.core.words import Verdict
from mlparity.record.record import Record
from mlparity.record.rows import RowState, SettingResult
from mlparity.report.causes import cause_sentence, other_causes

_DIFFER = re.compile(
    r"(?P<names>[\w+]+/[\w/+]+(?:, [\w+]+/[\w/+]+)*) differs? by at most (?P<size>\S+?)(?: in (?P<output>\S+))?"
    r" on scale"
)
_BY = re.compile(r"differs? by at most")
_SHARE = re.compile(r"(-?\d[\d.]*)%")


def of_sayings(record: Record) -> Iterator[str]:
    """Yield each figure of a cause's sentence that no table has."""
    sentences = [cause_sentence(record), *(words for _, _, words in other_causes(record))]
    for sentence in sentences:
        for found in _DIFFER.finditer(sentence):
            for name in found["names"].split(", "):
                yield from _of_row(record, name, found["size"], found["output"])
        yield from (f"{share}% in: {sentence}" for share in _SHARE.findall(sentence) if float(share) < 0)
        yield from _of_agreement(record, sentence, sentences)


def _of_row(record: Record, name: str, size: str, output: str | None) -> Iterator[str]:
    rows = [row for row in record.settings if str(row.setting) == name and row.outputs]
    if not any(size in _sizes(row, output) for row in rows):
        yield f"{name} differs by at most {size} in {output or 'its output'}, and the table has other figures"
    if output is None and any(len(row.outputs) > 1 for row in rows):
        yield f"{name} differs by at most {size}, of one of several outputs"


def _sizes(row: SettingResult, output: str | None) -> list[str]:
    shown = [each for each in row.outputs if output in (None, each.output)]
    return [format_number(each.figures.get("max_abs")) for each in shown if not mismatches(each.figures)]


def _of_agreement(record: Record, sentence: str, sentences: list[str]) -> Iterator[str]:
    if "All compared settings agree" not in sentence:
        return
    if any("something else" in each or "differ" in _BY.sub("", each) for each in sentences):
        yield f"all settings agree, beside {sentences}"
    if any(row.verdict is Verdict.FAIL and row.state is RowState.COMPARED for row in record.settings):
        yield "all settings agree, and one fails"


def shows_a_gap(text: str) -> bool:
    """Tell whether a dash stands where a figure or a name should."""
    return bool(re.search(r"–(?! \w)", text))
