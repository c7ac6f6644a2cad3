"""The usual files beside fp32: each runs on numbers as the source does, with XNNPACK and with the reference kernels."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from mlparity import api
from mlparity.core.errors import ConversionError
from mlparity.core.words import Kernels, Precision, Setting
from mlparity.record.causes import CauseKind
from mlparity.record.record import Record
from mlparity.record.rows import RowState
from mlparity.targets.compressor import Compression, CompressionRequest
from mlparity.targets.litert.quantization import compress
from mlparity.targets.litert.quantized import Scale
from mlparity.targets.table import settings_from, target_named
from mlparity.targets.target import Opening
from mlparity.verification.options import VerifyOptions

KINDS = ("int8", "fp16_weights", "dynamic_range", "full_int8")


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.first, self.second, self.last = nn.Conv2d(3, 32, 3), nn.Conv2d(32, 32, 3), nn.Linear(32, 100)

    def forward(self, x: Tensor) -> Tensor:
        return self.last(torch.relu(self.second(torch.relu(self.first(x)))).mean((2, 3)))


def samples() -> list[dict[str, np.ndarray]]:
    draw = np.random.default_rng(0)
    return [{"x": draw.standard_normal((1, 3, 10, 10)).astype(np.float32)} for _ in range(3)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("verified") / "out"


@pytest.fixture(scope="module")
def record(folder: Path) -> Record:
    names = ("litert/fp32", "litert/fp32/REFERENCE", "litert/fp32+*", "litert/fp32+*/REFERENCE")
    return api.verify(Net().eval(), folder, samples(), "task", VerifyOptions(settings=settings_from(names)))


def test_each_kind_is_compared_in_both_kernels(record: Record) -> None:
    rows = {str(row.setting): row for row in record.settings}
    assert len(rows) == 2 * (1 + len(KINDS))
    assert all(row.state is RowState.COMPARED for row in rows.values())
    for name, row in rows.items():
        assert ("reference kernels" in row.runtime) is name.endswith("REFERENCE")
        assert row.is_witness is name.endswith("REFERENCE")


@pytest.mark.parametrize("kind", KINDS)
def test_a_kind_is_smaller_differs_and_its_compression_is_the_cause(record: Record, kind: str) -> None:
    sizes = {artifact.compression: artifact.size_bytes for artifact in record.artifacts}
    assert sizes[kind] < 0.6 * sizes[""]
    for row in record.settings:
        if row.setting.compression == kind:
            assert [cause.kind for cause in row.causes] == [CauseKind.COMPRESSION]
            output = row.outputs[0]
            assert 0 < (output.figures["max_abs"] or 0) < 0.1 * output.scale


def test_plain_files_have_no_cause(record: Record) -> None:
    assert all(not row.causes for row in record.settings if not row.setting.compression)


def test_a_file_of_integers_takes_and_gives_numbers(record: Record, folder: Path) -> None:
    path = folder / next(each.path for each in record.artifacts if each.compression == "full_int8")
    for unit in (None, Kernels.REFERENCE):
        with closing(target_named("litert").open_artifact(path, Opening(unit))) as session:
            assert {spec.dtype for spec in (*session.signature.inputs, *session.signature.outputs)} == {"float32"}
            (found,) = session.run(samples()[0]).values()
            assert found.dtype == np.float32
            assert len(np.unique(found)) <= 256


def test_a_file_that_cannot_be_quantised_is_said_so(tmp_path: Path) -> None:
    base = tmp_path / "broken.tflite"
    base.write_bytes(b"\0\0\0\0TFL3 and nothing else")
    with pytest.raises(ConversionError, match="quantiser refuses int8"):
        compress(CompressionRequest(base, tmp_path / "small.tflite", Compression("int8")))
    assert not (tmp_path / "small.tflite").exists()


def test_numbers_beyond_the_range_take_its_ends() -> None:
    scale = Scale(0.5, -3, "int8")
    given = np.array([0.0, 0.25, 0.75, 1e9, -1e9], np.float32)
    stored = scale.stored(given)
    np.testing.assert_array_equal(stored, [-3, -3, -1, 127, -128])
    np.testing.assert_array_equal(scale.read(stored), np.array([0, 0, 1, 65, -62.5], np.float32))
    np.testing.assert_array_equal(Scale().read(given), given)


def test_the_setting_of_the_reference_kernels_is_no_compute_unit() -> None:
    (setting,) = settings_from(["litert/fp32/REFERENCE"])
    assert setting == Setting("litert", Precision.FP32, Kernels.REFERENCE)
    assert (setting.unit, setting.depends_on_device) == (None, False)
