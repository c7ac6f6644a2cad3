"""Artifacts that are wrong in ways that few figures show: another shape, and a table with other angles."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from coremltools.converters.mil import Builder as mb
from torch import Tensor, nn

from mlparity import api
from mlparity.core.words import Verdict
from mlparity.record.causes import CauseKind
from mlparity.record.record import Record
from mlparity.report.causes import cause_sentence, cause_text
from mlparity.report.markdown import markdown_report
from mlparity.report.model_card import model_card
from mlparity.targets.coreml.convert import convert, save
from mlparity.targets.table import settings_from
from mlparity.verification.explain_package import explain_alone, explain_package
from mlparity.verification.options import VerifyOptions
from tests.faults.makers import program
from tests.loading import load_source

RNG = np.random.default_rng(0)
ROWS = [{"x": RNG.standard_normal((2, 3, 4)).astype(np.float32)} for _ in range(2)]


class LastColumn(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x.narrow(-1, -1, 1) * 2


class Turning(nn.Module):
    table: Tensor

    def __init__(self, base: float) -> None:
        super().__init__()
        angles = torch.outer(torch.arange(2.0), base ** -torch.arange(6.0).div(6)) + 1
        self.register_buffer("table", torch.polar(torch.ones_like(angles), angles))

    def forward(self, x: Tensor) -> Tensor:
        pairs = torch.view_as_complex(x.reshape(2, 6, 2))
        return torch.view_as_real(pairs * self.table).reshape(2, 3, 4)


class Nothing(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x[..., :0] * 2


def verified(source: nn.Module, package: Path, folder: Path) -> Record:
    options = VerifyOptions(settings=settings_from(["fp32/CPU_ONLY"]), artifacts=(package,))
    return api.verify(source, folder / "out", ROWS, options=options)


def converted(module: nn.Module, package: Path) -> Path:
    save(convert(load_source(module.eval(), ROWS[0]), ROWS[0]), package)
    return package


def test_an_empty_output_in_the_place_of_a_column_fails_with_both_shapes(tmp_path: Path) -> None:
    package = tmp_path / "empty.mlpackage"
    sliced = program(lambda _module, x: mb.slice_by_index(x=x, begin=[0, 0, -1], end=[2, 3, 0]))
    sliced(LastColumn(), ROWS[0], package)
    record = verified(LastColumn().eval(), package, tmp_path)
    assert record.verdict is Verdict.FAIL
    assert record.cause.kind is CauseKind.CONVERTER
    shapes = "source (2, 3, 1), artifact (2, 3, 0)"
    (row,) = record.settings
    assert shapes in cause_sentence(record)
    assert shapes in row.reasons[0]
    assert record.recommendation.setting is None
    for text in (markdown_report(record), model_card(record)):
        assert shapes in text
        assert "gree with the source" not in text
    cause = explain_package(package, load_source(LastColumn().eval(), ROWS[0]), {"a": ROWS[0]})
    assert cause.kind is CauseKind.CONVERTER
    assert shapes in cause_text(cause)
    assert cause.ops[0].type == "slice_by_index"
    assert explain_alone(package, {"a": ROWS[0]}).kind is CauseKind.UNKNOWN


def test_a_column_from_the_end_is_converted_rightly(tmp_path: Path) -> None:
    record = verified(LastColumn().eval(), converted(LastColumn(), tmp_path / "right.mlpackage"), tmp_path)
    assert (record.verdict, record.cause.kind) == (Verdict.PASS, CauseKind.NONE)


def test_outputs_that_are_empty_on_both_sides_are_unknown(tmp_path: Path) -> None:
    record = verified(Nothing().eval(), converted(Nothing(), tmp_path / "nothing.mlpackage"), tmp_path)
    assert (record.verdict, record.cause.kind) == (Verdict.UNKNOWN, CauseKind.UNKNOWN)
    assert "the output is empty" in record.settings[0].reasons[0]
    assert "agree with the source" not in markdown_report(record)


def test_other_angles_in_a_complex_table_fail(tmp_path: Path) -> None:
    source = Turning(100.0).eval()
    record = verified(source, converted(Turning(10000.0), tmp_path / "wrong.mlpackage"), tmp_path)
    assert record.verdict is Verdict.FAIL
    assert record.cause.kind is CauseKind.CONVERTER
    assert record.noise[0].is_known
    assert record.noise[0].max_abs < 1e-6
