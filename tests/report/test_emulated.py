"""Wherever an emulated figure is shown, it is with its provenance, its confidence and its profiles."""

from __future__ import annotations

import re
from dataclasses import replace
from io import StringIO

import pytest
from rich.console import Console
from rich.table import Table

from mlparity.core.errors import FormatError
from mlparity.core.numbers import format_number
from mlparity.core.words import Precision, Provenance
from mlparity.record.decision import Recommendation
from mlparity.record.envelopes import variants_in
from mlparity.record.record import Record
from mlparity.record.text import record_from, text_of
from mlparity.report.html import html_report
from mlparity.report.loaders import loaders, swift_of
from mlparity.report.markdown import markdown_report
from mlparity.report.model_card import model_card
from mlparity.report.terminal import hazards_table, settings_table, variants_table
from tests.record.emulated import CPU, ENGINE, GPU, HAZARD, emulated_record

RECORD = emulated_record()
EMULATED = [row for row in RECORD.settings if row.provenance is Provenance.EMULATED]
LARGEST = {name: format_number(outputs[0].figures["max_abs"]) for name, outputs in
           (("cpu-a", CPU), ("gpu-b", GPU), ("ne-c, all eligible; rest cpu-a", ENGINE))}  # fmt: skip


def _printed(table: Table) -> list[str]:
    console = Console(file=StringIO(), width=250, markup=False)
    console.print(table)
    return console.file.getvalue().splitlines()  # type: ignore[attr-defined]


def _rows_of_page(record: Record) -> list[str]:
    """Return each table row of the page as text."""
    rows = re.findall(r"<tr.*?</tr>", html_report(record), re.DOTALL)
    return [" ".join(re.sub(r"<[^>]+>", " ", row).split()) for row in rows]


SHOWN = {
    "terminal": [*_printed(settings_table(RECORD)), *_printed(variants_table(RECORD))],
    "page": _rows_of_page(RECORD),
    "markdown": markdown_report(RECORD).splitlines(),
}


def test_what_goes_beside_the_model_tells_confidence_and_members_too() -> None:
    card = model_card(RECORD).splitlines()
    for row in EMULATED:
        assert row.envelope is not None
        profiles = next(run.profiles for run in row.envelope.runs if run.name == row.envelope.dominating)
        recommended = replace(RECORD, recommendation=Recommendation(row.setting))
        for text in (swift_of(recommended), loaders(recommended).get("verified_model.py")):
            assert text is not None
            count = len(row.envelope.runs)
            which = f"the worst of {count} plausible variants" if count > 1 else "the one plausible variant"
            assert f"emulated ({row.envelope.confidence}; {which}: " in text
            assert ", ".join(profiles) in text
        (line,) = [line for line in card if line.startswith(f"| {row.setting} |")]
        assert str(row.envelope.confidence) in line
        assert ", ".join(profiles) in line


@pytest.mark.parametrize("place", SHOWN)
def test_every_emulated_setting_is_shown_with_provenance_confidence_range_and_number_of_variants(place: str) -> None:
    assert len(EMULATED) == 4
    for row in EMULATED:
        assert row.envelope is not None
        span = row.envelope.spans["logits"]["max_abs"]
        low, high = format_number(span.low), format_number(span.high)
        shown = high if low == high else f"{low}..{high}"
        lines = [line for line in SHOWN[place] if re.search(rf"{row.setting}\b.*emulated", line) and shown in line]
        assert lines, (row.setting, shown)
        assert str(row.envelope.confidence) in lines[0]
        assert re.search(rf"\b{len(row.envelope.runs)}\b", lines[0])


@pytest.mark.parametrize("place", SHOWN)
def test_every_variant_is_shown_with_members_chips_confidence_and_figures(place: str) -> None:
    variants = variants_in(RECORD)
    assert {variant.run.name for variant in variants} == set(LARGEST)
    for variant in variants:
        lines = [line for line in SHOWN[place] if variant.run.name in line and LARGEST[variant.run.name] in line]
        assert lines, variant.run.name
        assert str(variant.run.confidence) in lines[0]
        assert all(chip in lines[0] for chip in variant.run.chips)
        assert all(unit_profile in lines[0] for unit_profile in variant.run.profiles)


def test_the_variant_that_decides_a_setting_is_marked() -> None:
    (cpu,) = [variant for variant in variants_in(RECORD) if variant.run.name == "cpu-a"]
    assert set(cpu.dominates) == {str(row.setting) for row in EMULATED}
    (line,) = [line for line in SHOWN["terminal"] if line.startswith("cpu-a")]
    assert "CPU_ONLY*" in line


def test_the_record_refuses_an_emulated_figure_without_its_members() -> None:
    row = EMULATED[0]
    assert row.envelope is not None
    with pytest.raises(ValueError, match="profiles"):
        replace(row, envelope=None)
    nameless = replace(row.envelope, runs=(replace(row.envelope.runs[0], profiles=()),))
    with pytest.raises(ValueError, match="profiles"):
        replace(row, envelope=nameless)
    with pytest.raises(ValueError, match="profiles"):
        replace(row, provenance=Provenance.COMPUTED)
    text = text_of(RECORD).replace('"profiles": [\n       "cpu-a"\n      ]', '"profiles": []')
    with pytest.raises(FormatError, match="profiles"):
        record_from(text, "changed")


def test_the_record_comes_back_whole() -> None:
    assert record_from(text_of(RECORD), "here") == record_from(text_of(record_from(text_of(RECORD), "here")), "again")
    assert record_from(text_of(RECORD), "here").hazards == (HAZARD,)


@pytest.mark.parametrize(
    "text", [html_report(RECORD), markdown_report(RECORD), "\n".join(_printed(hazards_table(RECORD)))]
)
def test_a_hazard_is_shown_with_its_place_range_limit_and_margin(text: str) -> None:
    for part in (HAZARD.kind, HAZARD.location, "32768", "2.7", str(HAZARD.confidence)):
        assert part in text


def test_the_rung_below_the_units_stays_computed() -> None:
    for text in (html_report(RECORD), markdown_report(RECORD)):
        assert "fp16-typed, ideal arithmetic (computed" in text


def test_a_variant_names_the_format_of_its_settings_where_there_are_several() -> None:
    network = tuple(
        replace(row, setting=replace(row.setting, precision=Precision.NEURAL_NETWORK), artifact="net.mlmodel")
        for row in RECORD.settings
        if row.envelope is not None
    )
    both = _printed(variants_table(replace(RECORD, settings=(*RECORD.settings, *network))))
    assert any("fp16/ALL" in line for line in both)
    assert any("neuralnetwork/ALL" in line for line in both)
    assert not any("fp16/" in line for line in _printed(variants_table(RECORD)))
