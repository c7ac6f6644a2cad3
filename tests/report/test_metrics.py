"""The flat dictionary of a record's figures."""

from __future__ import annotations

from dataclasses import replace

from mlparity.record.figures import TaskFigure
from mlparity.report.metrics import metrics_of
from tests.record.example import example_record

RECORD = example_record()


def test_every_figure_has_a_name_of_its_own() -> None:
    found = metrics_of(RECORD)
    assert found["passed"] == 1.0
    assert (found["fp32/CPU_ONLY/passed"], found["fp16/ALL/passed"]) == (1.0, 0.0)
    for row in RECORD.settings:
        for output in row.outputs:
            for name, value in output.figures.items():
                assert found.get(f"{row.setting}/{output.output}/{name}") == value
    assert not any(name.startswith("fp32/CPU_AND_NE") for name in found)


def test_own_metrics_are_there_and_what_has_no_value_is_not() -> None:
    row = replace(
        RECORD.settings[0], task_figures=(TaskFigure("lost", 2, 0, 0.5, 1.0), TaskFigure("x", 0, 2, None, None))
    )
    found = metrics_of(replace(RECORD, settings=(row,)))
    assert (found["fp32/CPU_ONLY/lost/mean"], found["fp32/CPU_ONLY/lost/worst"]) == (0.5, 1.0)
    assert "fp32/CPU_ONLY/x/mean" not in found
