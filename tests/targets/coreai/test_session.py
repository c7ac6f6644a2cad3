from __future__ import annotations

import os
import shutil
import signal
import sys
from pathlib import Path

import numpy as np
import pytest
from torch import Tensor, nn

from mlparity.core.errors import BackendUnavailableError, ExecutionError, FormatError, InputError
from mlparity.core.session import TensorSpec
from mlparity.core.words import ComputeUnit
from mlparity.sessions.checked import run_checked
from mlparity.targets.coreai import convert as converter
from mlparity.targets.coreai import session as coreai
from tests.loading import load_source
from tests.targets.networks import SAMPLE, Net

pytestmark = pytest.mark.skipif(not coreai.probe().ok, reason=coreai.probe().why)

OUTPUTS = ("sum", "twice", "again", "ids_out")


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("coreai") / "net.aimodel"
    return converter.convert(load_source(Net().eval(), SAMPLE), SAMPLE, place).path


def test_the_file_tells_its_names_in_the_sources_order(path: Path) -> None:
    with coreai.open(path) as session:
        assert session.signature.inputs == (
            TensorSpec("zeta", (1, 4), "float32"),
            TensorSpec("alpha", (1, 4), "float32"),
            TensorSpec("ids", (1, 2), "int32"),
        )
        assert tuple(spec.name for spec in session.signature.outputs) == OUTPUTS
        assert session.runtime.startswith("Core AI ")


def test_outputs_are_the_sources_and_stay_after_the_next_run(path: Path) -> None:
    with coreai.open(path) as session:
        outputs = run_checked(session, SAMPLE)
        kept = outputs["twice"].copy()
        run_checked(session, {**SAMPLE, "zeta": SAMPLE["zeta"] * 100})
    np.testing.assert_allclose(outputs["sum"], SAMPLE["zeta"] + 2 * SAMPLE["alpha"], rtol=1e-6)
    np.testing.assert_array_equal(outputs["again"], SAMPLE["zeta"] * 2)
    np.testing.assert_array_equal(outputs["twice"], kept)
    assert outputs["ids_out"].tolist() == [[4, 6]]


def test_an_array_in_another_order_in_memory_is_read_right(path: Path) -> None:
    turned = np.asfortranarray(np.stack([SAMPLE["zeta"][0], SAMPLE["zeta"][0]]))[:1]
    with coreai.open(path) as session:
        assert run_checked(session, {**SAMPLE, "zeta": turned})["twice"].tolist() == [[0, 2, 4, 6]]


def test_names_of_the_source_replace_other_names_by_position(path: Path) -> None:
    with coreai.open(path, input_names=("a", "b", "c"), output_names=("w", "x", "y", "z")) as session:
        outputs = session.run({"a": SAMPLE["zeta"], "b": SAMPLE["alpha"], "c": SAMPLE["ids"].astype(np.int32)})
    assert list(outputs) == ["w", "x", "y", "z"]
    assert outputs["z"].tolist() == [[4, 6]]


def test_another_number_of_names_is_refused(path: Path) -> None:
    with pytest.raises(FormatError, match="other inputs than the source"):
        coreai.open(path, input_names=("a",))


def test_the_runtime_says_nothing_on_the_terminal_unless_asked(path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    with coreai.open(path) as session:
        run_checked(session, SAMPLE)
    assert capfd.readouterr() == ("", "")
    with coreai.open(path, show_log=True) as session:
        run_checked(session, SAMPLE)
    assert "Loading function" in capfd.readouterr().err


def test_a_wrong_shape_never_reaches_the_runtime(path: Path) -> None:
    with coreai.open(path) as session, pytest.raises(InputError, match="wrong input shape"):
        run_checked(session, {**SAMPLE, "zeta": np.ones((1, 5), np.float32)})


def test_what_the_runtime_refuses_is_told_and_the_next_run_works(path: Path) -> None:
    with coreai.open(path) as session:
        with pytest.raises(ExecutionError, match="Core AI failed"):
            session.run({**SAMPLE, "zeta": np.array(["text"])})
        assert run_checked(session, SAMPLE)["ids_out"].tolist() == [[4, 6]]


def test_a_runtime_that_takes_too_long_is_ended_with_a_reason(path: Path) -> None:
    with pytest.raises(ExecutionError, match=r"no answer within 0\.001 s") as caught:
        coreai.open(path, time_limit=0.001)
    assert "--time-limit" in caught.value.next_step


def test_a_runtime_that_dies_is_told_and_the_session_is_closed(path: Path) -> None:
    with coreai.open(path) as session:
        process = session._worker._process
        assert process is not None
        os.kill(process.pid, signal.SIGKILL)
        with pytest.raises(ExecutionError, match="ended by signal 9"):
            run_checked(session, SAMPLE)
        with pytest.raises(ExecutionError, match="closed"):
            run_checked(session, SAMPLE)


def test_a_missing_folder_another_folder_and_a_damaged_program_are_told_apart(path: Path, tmp_path: Path) -> None:
    with pytest.raises(FormatError, match="there is no folder"):
        coreai.open(tmp_path / "gone.aimodel")
    (tmp_path / "empty.aimodel").mkdir()
    with pytest.raises(FormatError, match=r"no Core AI model[\s\S]*no main\.mlirb"):
        coreai.open(tmp_path / "empty.aimodel")
    cut = tmp_path / "cut.aimodel"
    shutil.copytree(path, cut)
    (cut / "main.mlirb").write_bytes((path / "main.mlirb").read_bytes()[:100])
    with pytest.raises((FormatError, ExecutionError), match=r"cannot load|gave no answer"):
        coreai.open(cut)


@pytest.mark.skipif(coreai.chooses_units(), reason="here Core AI takes compute units")
def test_compute_units_are_refused_where_the_runtime_has_none(path: Path) -> None:
    with pytest.raises(BackendUnavailableError, match="macOS alone"):
        coreai.open(path, unit=ComputeUnit.CPU_AND_NE)


def test_a_description_names_ops_and_types_and_shows_the_program(path: Path) -> None:
    found = coreai.describe(path)
    assert found.ops["broadcasting_mul"] >= 1
    assert "Float32" in found.compute_types
    assert "Float16" not in found.compute_types
    assert "coreai.graph @main" in found.text


class Flexible(nn.Module):
    def forward(self, flag: Tensor, scale: Tensor) -> tuple[Tensor, Tensor]:
        return flag.logical_not(), scale * 3


def test_truth_values_and_scalars_come_through(tmp_path: Path) -> None:
    sample = {"flag": np.array([True, False]), "scale": np.array(1.5, np.float32)}
    made = converter.convert(load_source(Flexible().eval(), sample), sample, tmp_path / "net.aimodel")
    with coreai.open(made.path) as session:
        flag, scale = run_checked(session, sample).values()
    assert flag.tolist() == [False, True]
    assert float(scale) == 4.5


def test_probing_imports_nothing() -> None:
    before = set(sys.modules)
    coreai.probe()
    assert set(sys.modules) == before
