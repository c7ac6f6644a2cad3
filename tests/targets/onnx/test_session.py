from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from mlparity.core.errors import ExecutionError, FormatError
from mlparity.core.session import TensorSpec
from mlparity.sessions.checked import run_checked
from mlparity.targets.onnx import convert as onnx
from mlparity.targets.onnx import session as onnxruntime
from tests.loading import load_source
from tests.targets.networks import SAMPLE, Net

pytestmark = pytest.mark.skipif(not onnxruntime.probe().ok, reason=onnxruntime.probe().why)


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("onnx") / "net.onnx"
    onnx.convert(load_source(Net().eval(), SAMPLE), SAMPLE, file)
    return file


def test_the_file_tells_the_sources_names_and_types(path: Path) -> None:
    with onnxruntime.open(path) as session:
        assert session.signature.inputs == (
            TensorSpec("zeta", (1, 4), "float32"),
            TensorSpec("alpha", (1, 4), "float32"),
            TensorSpec("ids", (1, 2), "int64"),
        )
        assert [spec.name for spec in session.signature.outputs] == ["sum", "twice", "again", "ids_out"]
        assert session.runtime.startswith("ONNX Runtime 1.")


def test_outputs_are_the_sources(path: Path) -> None:
    with onnxruntime.open(path) as session:
        outputs = run_checked(session, SAMPLE)
    np.testing.assert_allclose(outputs["sum"], SAMPLE["zeta"] + 2 * SAMPLE["alpha"], rtol=1e-6)
    assert outputs["ids_out"].tolist() == [[4, 6]]


def test_a_wrong_feed_is_an_execution_error(path: Path) -> None:
    with onnxruntime.open(path) as session, pytest.raises(ExecutionError, match="ONNX Runtime failed"):
        session.run({"zeta": SAMPLE["zeta"]})


def test_a_closed_session_runs_no_more(path: Path) -> None:
    session = onnxruntime.open(path)
    session.close()
    with pytest.raises(ExecutionError, match="closed"):
        session.run(SAMPLE)


def test_a_missing_or_damaged_file_is_a_format_error(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match="there is no file"):
        onnxruntime.open(tmp_path / "gone.onnx")
    (tmp_path / "bad.onnx").write_bytes(b"not a protobuf")
    with pytest.raises(FormatError, match="cannot load"):
        onnxruntime.open(tmp_path / "bad.onnx")
