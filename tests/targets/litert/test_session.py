from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from mlparity.core.errors import ExecutionError, FormatError, InputError
from mlparity.core.session import TensorSpec
from mlparity.sessions.checked import run_checked
from mlparity.targets.litert import session as litert
from tests.targets.networks import SAMPLE, converted

pytestmark = pytest.mark.skipif(not litert.probe().ok, reason=litert.probe().why)

OUTPUTS = ("sum", "twice", "again", "ids_out")


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return converted(tmp_path_factory.mktemp("litert") / "net.tflite")


def test_the_file_tells_its_names_in_the_sources_order(path: Path) -> None:
    with litert.open(path, output_names=OUTPUTS) as session:
        assert session.signature.inputs == (
            TensorSpec("zeta", (1, 4), "float32"),
            TensorSpec("alpha", (1, 4), "float32"),
            TensorSpec("ids", (1, 2), "int32"),
        )
        assert tuple(spec.name for spec in session.signature.outputs) == OUTPUTS
        assert session.runtime.startswith("LiteRT 2.")


def test_outputs_are_the_sources_also_where_one_tensor_is_two_outputs(path: Path) -> None:
    with litert.open(path) as session:
        outputs = run_checked(session, SAMPLE)
    np.testing.assert_allclose(outputs["sum"], SAMPLE["zeta"] + 2 * SAMPLE["alpha"], rtol=1e-6)
    np.testing.assert_array_equal(outputs["twice"], SAMPLE["zeta"] * 2)
    np.testing.assert_array_equal(outputs["again"], outputs["twice"])
    assert outputs["ids_out"].tolist() == [[4, 6]]


def test_outputs_stay_after_the_next_run(path: Path) -> None:
    with litert.open(path) as session:
        first = run_checked(session, SAMPLE)["twice"]
        kept = first.copy()
        run_checked(session, {**SAMPLE, "zeta": SAMPLE["zeta"] * 100})
    np.testing.assert_array_equal(first, kept)


def test_names_of_the_source_replace_other_names_by_position(path: Path) -> None:
    with litert.open(path, input_names=("a", "b", "c"), output_names=("w", "x", "y", "z")) as session:
        assert [spec.name for spec in session.signature.inputs] == ["a", "b", "c"]
        outputs = session.run({"a": SAMPLE["zeta"], "b": SAMPLE["alpha"], "c": SAMPLE["ids"].astype(np.int32)})
    assert outputs["z"].tolist() == [[4, 6]]


def test_the_same_names_in_another_order_are_matched_by_name(path: Path) -> None:
    with litert.open(path, input_names=("ids", "alpha", "zeta")) as session:
        assert session.signature.inputs[0].dtype == "int32"
        assert run_checked(session, SAMPLE)["ids_out"].tolist() == [[4, 6]]


def test_another_number_of_names_is_refused(path: Path) -> None:
    with pytest.raises(FormatError, match="other inputs than the source"):
        litert.open(path, input_names=("a",))


def test_loading_says_nothing_on_the_terminal(path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    with litert.open(path) as session:
        run_checked(session, SAMPLE)
    assert capfd.readouterr() == ("", "")


def test_a_wrong_shape_never_reaches_the_interpreter(path: Path) -> None:
    with litert.open(path) as session, pytest.raises(InputError, match="wrong input shape"):
        run_checked(session, {**SAMPLE, "zeta": np.ones((1, 5), np.float32)})


def test_a_closed_session_runs_no_more(path: Path) -> None:
    session = litert.open(path)
    session.close()
    with pytest.raises(ExecutionError, match="closed"):
        session.run(SAMPLE)


def test_a_missing_file_and_another_file_are_told_apart(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match="there is no file"):
        litert.open(tmp_path / "gone.tflite")
    (tmp_path / "other.tflite").write_bytes(b"PK\x03\x04 a zip archive")
    with pytest.raises(FormatError, match="no TFLite file"):
        litert.open(tmp_path / "other.tflite")


@pytest.mark.parametrize("kept", [8, 100, 1000])
def test_a_truncated_file_is_a_format_error(path: Path, tmp_path: Path, kept: int) -> None:
    (tmp_path / "cut.tflite").write_bytes(path.read_bytes()[:kept])
    with pytest.raises(FormatError, match="cannot load"):
        litert.open(tmp_path / "cut.tflite")
