"""The error along the graph as a drawing: places on the axis, texts, and the ops that lose most."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from mlparity.core.words import Confidence, Provenance
from mlparity.report.drift import drift_view
from mlparity.report.html import html_report
from tests.record.emulated import DRIFT, emulated_record
from tests.record.example import example_record


def test_places_go_by_the_order_of_the_run_and_by_decades() -> None:
    """From 1e-4 at the bottom to 1e-1 at the top; infinite is at the top, zero at the bottom."""
    found = drift_view(DRIFT)
    assert [text for _, text in found.ticks] == ["1e-4", "1e-3", "1e-2", "1e-1"]
    line = [tuple(map(float, each.split(","))) for each in found.line.split()]
    stems = [tuple(map(float, each)) for each in re.findall(r"M([0-9.]+) 100V([0-9.]+)", found.stems)]
    assert [x for x, _ in line] == [x for x, _ in stems] == [12.5, 37.5, 62.5, 87.5]
    assert line[1][1] == pytest.approx(69.19, abs=0.01)  # log10(8.4) / 3 of the height, from the bottom
    assert line[2][1] == stems[2][1] == 0.0
    assert stems[3][1] == 100.0


def test_the_ops_that_lose_most_come_first() -> None:
    found = drift_view(DRIFT)
    assert found.first == 2
    assert [each.what for each in found.most] == ["exp exp_1", "conv input_5", "cast cast_1", "add add_1"]
    assert found.most[0].local == "∞"
    assert found.most[0].note == "2 elements become infinite or NaN here"
    assert (found.most[1].seen, found.most[1].origin) == ("0.0..6", "aten.conv2d in stem (net.py:12)")


def test_the_page_tells_the_provenance_and_what_was_left_out() -> None:
    page = html_report(emulated_record())
    assert "4 of 900 results are shown" in page
    assert '<figcaption>Along the graph <span class="provenance computed">' in page
    emulated = replace(DRIFT, provenance=Provenance.EMULATED, profiles=("cpu-a",), confidence=Confidence.ASSUMED)
    page = html_report(replace(emulated_record(), drift=emulated))
    assert '<figcaption>Along the graph <span class="provenance emulated">' in page
    assert "cpu-a (assumed)" in page
    assert "<figcaption>Along the graph" not in html_report(example_record())
