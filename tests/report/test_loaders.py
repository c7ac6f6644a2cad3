"""What goes beside the model: the Python loader runs as it stands, and the model card's section is one table."""

from __future__ import annotations

import ast
import dataclasses
import re

from mlparity.record.decision import Recommendation
from mlparity.report.causes import cause_sentence
from mlparity.report.loaders import loaders
from mlparity.report.model_card import model_card
from tests.record.example import example_record
from tests.report.hostile import TEXT, hostile

RECORD = example_record()
HOSTILE = hostile(RECORD)


def test_the_loader_sets_the_recommended_units() -> None:
    text = loaders(RECORD).get("verified_model.py")
    assert text is not None
    assert "compute_units=ct.ComputeUnit.CPU_ONLY" in text
    assert repr(RECORD.artifacts[0].path) in text
    assert ast.get_docstring(ast.parse(text)) == "Loads the model as it was verified; needs coremltools alone."


def test_hostile_texts_stay_texts_in_the_loader() -> None:
    plain, text = loaders(RECORD).get("verified_model.py"), loaders(HOSTILE).get("verified_model.py")
    assert plain is not None
    assert text is not None
    calm = plain.replace(ascii(RECORD.artifacts[0].path), ascii(TEXT))
    assert ast.dump(ast.parse(text)) == ast.dump(ast.parse(calm))


def test_no_core_ml_setting_gives_no_loader() -> None:
    assert loaders(dataclasses.replace(RECORD, recommendation=Recommendation(None))).get("verified_model.py") is None


def test_the_model_card_has_a_row_for_each_compared_setting() -> None:
    card = model_card(RECORD)
    rows = [line for line in card.splitlines() if line.startswith("|")][2:]
    assert len(rows) == 8
    assert "| fp32/CPU_ONLY | computed | logits | 20" in card
    assert cause_sentence(RECORD) in card


def test_hostile_texts_stay_texts_in_the_model_card() -> None:
    card = model_card(HOSTILE)
    assert "<" not in card
    table = [line for line in card.splitlines() if line.startswith("|")]
    assert {len(re.findall(r"(?<!\\)\|", line)) for line in table} == {9}
    assert [line for line in card.splitlines() if line.startswith("#")] == ["## Agreement with the PyTorch model"]
