from __future__ import annotations

from dataclasses import replace

import pytest
import yaml  # type: ignore[import-untyped]
from huggingface_hub.repocard_data import model_index_to_eval_results

from mlparity.record.record import Record
from mlparity.record.rows import RowState
from mlparity.report.model_index import model_index
from tests.record.emulated import emulated_record
from tests.record.example import example_record
from tests.report.hostile import hostile


@pytest.mark.parametrize("record", [example_record(), emulated_record(), hostile(example_record())])
def test_the_site_s_own_reader_takes_it(record: Record) -> None:
    name, results = model_index_to_eval_results(yaml.safe_load(model_index(record))["model-index"])
    assert name == record.source.name
    compared = [row for row in record.settings if row.state is RowState.COMPARED]
    assert len(results) >= len(compared)
    first = results[0]
    assert first.metric_type == "max_abs"
    assert first.metric_value == compared[0].outputs[0].figures["max_abs"]
    assert str(compared[0].setting) in str(first.task_name)


def test_figures_that_are_not_finite_are_left_out() -> None:
    record = example_record()
    row = next(row for row in record.settings if row.outputs)
    spoilt = replace(row.outputs[0], figures={"max_abs": float("inf"), "mean_abs": None, "cosine": 0.5})
    text = model_index(replace(record, settings=(replace(row, outputs=(spoilt,)),)))
    assert [metric["type"] for metric in yaml.safe_load(text)["model-index"][0]["results"][0]["metrics"]] == ["cosine"]


def test_nothing_compared_is_no_result() -> None:
    text = model_index(replace(example_record(), settings=()))
    assert yaml.safe_load(text)["model-index"][0]["results"] == []
