"""The report as HTML, Markdown and Swift, without a browser."""

from __future__ import annotations

import dataclasses
import io
import math
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from rich.console import Console

from mlparity.core.words import ComputeUnit, Precision, Provenance, Setting, Verdict
from mlparity.record.decision import Recommendation
from mlparity.record.record import Record
from mlparity.record.rows import RowState, SettingResult
from mlparity.report.causes import cause_sentence
from mlparity.report.escaping import escape
from mlparity.report.failure import failure_text
from mlparity.report.files import report_names, write_reports
from mlparity.report.html import html_report
from mlparity.report.loaders import swift_of
from mlparity.report.markdown import markdown_report
from mlparity.report.rows import groups_of, patterns_of, rows_of
from mlparity.report.terminal import reason_lines, settings_table
from tests.record.example import example_record
from tests.report.hostile import TEXT, hostile

RECORD = example_record()
HOSTILE = hostile(RECORD)


class Page(HTMLParser):
    """Collects the tags and the visible text of a page."""

    def __init__(self, page: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text: list[str] = []
        self._open: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        while self._open and self._open.pop() != tag:
            pass

    def handle_data(self, data: str) -> None:
        if "script" not in self._open and "style" not in self._open:
            self.text.append(data)


def empty_record() -> Record:
    """Nothing could be compared: one setting failed to convert, one is explained."""
    setting, other = RECORD.settings[0].setting, RECORD.settings[2]
    failed = SettingResult(setting, RowState.FAILED, Verdict.UNKNOWN, note="conversion failed: op `foo`")
    advice = Recommendation(None)
    return dataclasses.replace(
        RECORD, settings=(failed, other), noise=(), artifacts=(), verdict=Verdict.UNKNOWN, recommendation=advice
    )


def test_all_settings_and_their_provenances_are_shown() -> None:
    page, text = " ".join(Page(html_report(RECORD)).text), markdown_report(RECORD)
    for row in RECORD.settings:
        assert str(row.setting) in page
        assert str(row.setting) in text
    assert "Core ML never runs fp32-typed operations on the Neural Engine" in page
    assert "Core ML never runs fp32-typed operations on the Neural Engine" in text
    assert "| litert/fp32 | measured | 1.9e-05 |" in text
    assert "| **fp32/CPU_ONLY** | computed | 1.9e-05 | 9.3e-07 |" in text
    assert cause_sentence(RECORD) in page
    assert cause_sentence(RECORD) in text


def test_equal_figures_are_shown_once() -> None:
    groups = groups_of(RECORD)
    assert [len(group.settings) for group in groups] == [3, 4, 1]
    assert [group.provenance for group in groups] == ["computed", "computed", "measured"]


def test_equal_figures_of_another_provenance_stay_apart() -> None:
    first = RECORD.settings[0]
    rows = (first, dataclasses.replace(first, provenance=Provenance.MEASURED))
    assert len(groups_of(dataclasses.replace(RECORD, settings=rows))) == 2


def test_the_row_shows_the_output_that_differs_most_for_its_scale() -> None:
    row = RECORD.settings[0]
    (output,) = row.outputs
    wide = dataclasses.replace(output, output="wide", scale=1e6, figures={**output.figures, "max_abs": 1.0})
    spoilt = dataclasses.replace(output, output="spoilt", figures={**output.figures, "nan_count": 1.0})
    record = dataclasses.replace(RECORD, settings=(dataclasses.replace(row, outputs=(wide, output)),))
    assert rows_of(record)[0].output == "wide"
    record = dataclasses.replace(RECORD, settings=(dataclasses.replace(row, outputs=(wide, output, spoilt)),))
    assert rows_of(record)[0].output == "spoilt"
    assert rows_of(record)[0].cells[1].sort == math.inf
    assert "spoilt" in markdown_report(record)


def test_the_row_shows_the_most_flips_of_any_output() -> None:
    row = RECORD.settings[0]
    (output,) = row.outputs
    other = dataclasses.replace(output, output="other", scale=output.scale / 2, flips=None)
    record = dataclasses.replace(RECORD, settings=(dataclasses.replace(row, outputs=(output, other)),))
    assert rows_of(record)[0].output == "other"
    assert rows_of(record)[0].cells[-1].text == "0 of 24"


@pytest.mark.parametrize("count", [3, 4, 20])
def test_many_outputs_are_folded_and_none_is_lost(count: int) -> None:
    row = RECORD.settings[0]
    outputs = tuple(dataclasses.replace(row.outputs[0], output=f"output-{place}-") for place in range(count))
    reasons = tuple(f"reason-{place}-" for place in range(count))
    page = html_report(
        dataclasses.replace(RECORD, settings=(dataclasses.replace(row, outputs=outputs, reasons=reasons),))
    )
    assert all(f"output-{place}-" in page and f"reason-{place}-" in page for place in range(count))
    assert ("More outputs" in page) == (count > 3)
    assert ("More reasons" in page) == (count > 6)
    assert page.count("<details") == page.count("</details>")
    assert page.count("<ul") == page.count("</ul>")


def test_the_page_needs_no_network() -> None:
    page = Page(html_report(RECORD))
    for tag, attributes in page.tags:
        assert tag not in ("link", "iframe", "object", "embed", "base") or attributes.get("href") == "data:,"
        assert "src" not in attributes or (attributes["src"] or "").startswith("data:image/png;base64,")
    policies = [a["content"] for _, a in page.tags if a.get("http-equiv") == "Content-Security-Policy"]
    assert [policy is not None and policy.startswith("default-src 'none'") for policy in policies] == [True]


def test_hostile_texts_stay_texts_in_html() -> None:
    page, plain = Page(html_report(HOSTILE)), Page(html_report(RECORD))
    count = [tag for tag, _ in plain.tags].count("script")
    assert [tag for tag, _ in page.tags].count("script") == count
    assert "<script>alert(1)</script>" in "".join(page.text)
    assert "{{ 7 * 7 }}" in "".join(page.text)
    assert not any(name.startswith("on") for _, attributes in page.tags for name in attributes)
    assert all("javascript" not in (a.get("href") or "") + (a.get("src") or "") for _, a in page.tags)
    # Images that are no images are left out.
    assert not [tag for tag, _ in page.tags if tag == "img"]


def test_hostile_texts_stay_texts_in_markdown() -> None:
    text = markdown_report(HOSTILE)
    # Within a fence everything is text already.
    outside = "".join(text.split("```")[::2])
    assert "<" not in outside
    assert "&lt;script&gt;" in outside
    heads, plain = ([line for line in page.splitlines() if line[:1] == "#"] for page in (text, markdown_report(RECORD)))
    assert heads[1:] == plain[1:]
    assert len([line for line in text.splitlines() if line.startswith("```")]) == 2
    table = [line for line in text.splitlines() if line.startswith("|")]
    assert {len(re.findall(r"(?<!\\)\|", line)) for line in table} == {4, 6, 10}


def test_escaping_keeps_plain_names_readable() -> None:
    assert escape("fp32/CPU_ONLY: max_abs 1.0e-05 (1 of 2)") == "fp32/CPU_ONLY: max_abs 1.0e-05 (1 of 2)"
    assert escape("_a_ *b* [c]\n<d>&") == r"\_a\_ \*b\* \[c\] &lt;d&gt;&amp;"


def test_hostile_texts_stay_comments_in_swift() -> None:
    plain, text = swift_of(RECORD), swift_of(HOSTILE)
    assert plain is not None
    assert text is not None

    def code(snippet: str) -> list[str]:
        return [line for line in re.split(r"[\r\n\u2028\u2029\x0b\x0c\x85]", snippet) if not line.startswith("//")]

    assert code(text) == code(plain)
    assert "import Evil" in text


@pytest.mark.parametrize(
    ("unit", "words"),
    [
        (ComputeUnit.CPU_ONLY, ".cpuOnly"),
        (ComputeUnit.CPU_AND_GPU, ".cpuAndGPU"),
        (ComputeUnit.CPU_AND_NE, ".cpuAndNeuralEngine"),
        (ComputeUnit.ALL, ".all"),
    ],
)
def test_the_snippet_sets_the_recommended_units(unit: ComputeUnit, words: str) -> None:
    advice = Recommendation(Setting("coreml", Precision.FP16, unit))
    text = swift_of(dataclasses.replace(RECORD, recommendation=advice))
    assert text is not None
    assert f"configuration.computeUnits = {words}\n" in text
    assert ("@available(iOS 16.0" in text) == (unit is ComputeUnit.CPU_AND_NE)
    assert f"fp16/{unit}: fail" in text


def test_no_core_ml_setting_gives_no_snippet(tmp_path: Path) -> None:
    litert = dataclasses.replace(RECORD, recommendation=Recommendation(Setting("litert", Precision.FP32)))
    assert swift_of(litert) is None
    names = {path.name for path in write_reports(RECORD, tmp_path)}
    assert names == set(report_names()) == {path.name for path in tmp_path.iterdir()}
    write_reports(litert, tmp_path)
    assert not (tmp_path / "VerifiedModel.swift").exists()
    assert not (tmp_path / "verified_model.py").exists()


def test_a_record_without_figures() -> None:
    record = empty_record()
    page, text = html_report(record), markdown_report(record)
    assert "could not run" in page
    assert "No setting can be recommended" in text
    assert "fp32/CPU_ONLY (could not run): conversion failed: op \\`foo\\`" in text


def test_a_record_of_unusual_values() -> None:
    output = dataclasses.replace(
        RECORD.settings[0].outputs[0],
        scale=0.0,
        figures={"max_abs": None, "cosine": math.nan, "snr_db": -math.inf, "unheard_of": 1.5},
        flips=None,
        worst=(),
    )
    row = dataclasses.replace(RECORD.settings[0], outputs=(output,), provenance=None, verdict=Verdict.UNKNOWN)
    record = dataclasses.replace(
        RECORD, settings=(row,), source=dataclasses.replace(RECORD.source, parameters=None), metrics=()
    )
    page = " ".join(Page(html_report(record)).text)
    assert "unheard_of" in page
    assert "-∞" in page
    assert "NaN" in page
    assert "| – | – | – | – | NaN | – |" in markdown_report(record)


def test_a_report_depends_on_the_record_alone() -> None:
    assert html_report(RECORD) == html_report(example_record())
    assert TEXT not in html_report(RECORD)


def test_settings_are_named_by_their_format_where_all_of_it_is_meant() -> None:
    record = example_record()
    names = [str(row.setting) for row in record.settings]
    assert patterns_of(names, record) == ["fp32/*", "fp16/*", "litert/fp32"]
    assert patterns_of(["fp16/ALL", "litert/fp32"], record) == ["fp16/ALL", "litert/fp32"]


def test_a_failure_is_told_in_a_few_lines() -> None:
    lines = failure_text(example_record(), "out/report.html").splitlines()
    assert lines[0] == "mobilenet_v2: pass under the policy 'consistency' on 24 samples"
    assert lines[1] == "fp16/*: logits: max difference 0.046, allowed 0.002 (1.0e-04 of scale 20.1)"
    assert lines[-1] == "report: out/report.html"
    assert len(lines) <= 15


def test_an_error_of_several_lines_is_told_on_one() -> None:
    record = example_record()
    row = dataclasses.replace(
        record.settings[0], state=RowState.FAILED, verdict=Verdict.UNKNOWN, outputs=(), note="it failed\n  where: x\n"
    )
    lines = [line for line, _ in reason_lines(dataclasses.replace(record, settings=(row, *record.settings[1:])))]
    assert "could not run: it failed; where: x [fp32/CPU_ONLY]" in lines


def test_the_limits_that_broke_are_the_last_lines_before_the_cause() -> None:
    """Who reads the end of a log alone sees what differs; notes and what was left out stand above."""
    record = example_record()
    rows = tuple(dataclasses.replace(row, note=f"note {place}") for place, row in enumerate(record.settings))
    lines = [line for line, _ in reason_lines(dataclasses.replace(record, settings=rows))]
    assert lines[0] == "2 more reasons in the report"
    assert lines[-1] == "fail: logits: max difference 0.046, allowed 0.002 (1.0e-04 of scale 20.1) [fp16/*]"
    words = [line.split(":")[0] for line in lines[1:]]
    assert words == sorted(words, key=["not applicable", "could not run", "pass", "fail"].index)


def test_no_setting_s_name_is_cut_by_long_names_of_outputs() -> None:
    record = example_record()
    long = [f"{letter}{'_of_a_long_name' * 4}" for letter in "ab"]
    rows = tuple(
        dataclasses.replace(
            row, outputs=tuple(dataclasses.replace(each, output=name) for each in row.outputs for name in long)
        )
        for row in record.settings
    )
    printed = io.StringIO()
    Console(width=60, file=printed).print(settings_table(dataclasses.replace(record, settings=rows)))
    assert all(str(row.setting) in printed.getvalue() for row in rows)
