from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

import mlparity
from tests.engine.mil.packages import expected, sample, write_package

if TYPE_CHECKING:
    import coremltools as ct

SCRIPT = """
import sys
import numpy as np
import coremltools as ct

model = ct.models.MLModel(sys.argv[1], compute_units=ct.ComputeUnit.CPU_ONLY)
print(model.predict({"x": np.load(sys.argv[2])})["y"].tolist())
"""


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("packages")
    return {precision: write_package(folder, precision) for precision in ("fp16", "fp32")}


def _model(path: Path, unit: str = "CPU_ONLY") -> ct.models.MLModel:
    mlparity.enable_coremltools()
    import coremltools as ct

    return ct.models.MLModel(str(path), compute_units=ct.ComputeUnit[unit])


@pytest.mark.parametrize("unit", ["CPU_ONLY", "CPU_AND_GPU", "CPU_AND_NE", "ALL"])
def test_an_fp32_package_predicts_what_the_source_predicts(packages: dict[str, Path], unit: str) -> None:
    found = _model(packages["fp32"], unit).predict({"x": sample()})["y"]
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, expected(), rtol=0, atol=2e-7)


def test_an_fp16_package_differs_by_fp16_rounding(packages: dict[str, Path]) -> None:
    difference = np.abs(_model(packages["fp16"]).predict({"x": sample()})["y"] - expected()).max()
    assert 0 < difference < 2e-3


def test_a_batch_is_a_list_of_dictionaries(packages: dict[str, Path]) -> None:
    model = _model(packages["fp32"])
    batch = model.predict([{"x": sample()}, {"x": sample() * 0}])
    assert len(batch) == 2
    assert np.array_equal(batch[0]["y"], model.predict({"x": sample()})["y"])
    assert not np.array_equal(batch[0]["y"], batch[1]["y"])


@pytest.mark.parametrize(
    ("features", "text"),
    [
        ({"x": np.zeros((1, 3, 16, 15), np.float32)}, "another shape"),
        ({"x": np.zeros((3, 16, 16), np.float32)}, "rank 3"),
        ({}, "missing"),
        ({"x": np.array([["a"]])}, "not numeric"),
    ],
)
def test_a_wrong_input_is_a_runtime_error_that_names_it(
    packages: dict[str, Path], features: dict[str, np.ndarray], text: str
) -> None:
    with pytest.raises(RuntimeError, match=text) as caught:
        _model(packages["fp32"]).predict(features)
    assert "'x'" in str(caught.value)


def test_a_converted_model_predicts_at_once() -> None:
    mlparity.enable_coremltools()
    import coremltools as ct
    from coremltools.converters.mil import Builder as mb

    @mb.program(input_specs=[mb.TensorSpec(shape=(2, 3))])
    def program(x: object) -> object:
        return mb.relu(x=x, name="y")

    model = ct.convert(program, convert_to="mlprogram", compute_precision=ct.precision.FLOAT32)
    found = model.predict({"x": np.array([[-1, 0, 1], [2, -2, 3]], np.float32)})
    assert found["y"].tolist() == [[0, 0, 1], [2, 0, 3]]


def test_an_op_that_the_engine_lacks_is_named_at_load_and_the_model_can_still_be_edited(
    packages: dict[str, Path], tmp_path: Path
) -> None:
    import coremltools as ct

    model = _model(packages["fp32"])
    spec = model.get_spec()
    block = spec.mlProgram.functions["main"].block_specializations["CoreML6"]
    next(op for op in block.operations if op.type == "softmax").type = "no_such_op"
    with pytest.warns(RuntimeWarning, match="no_such_op"):
        edited = ct.models.MLModel(spec, weights_dir=model.weights_dir)
    with pytest.raises(RuntimeError, match="iOS16"):
        edited.predict({"x": sample()})
    edited.short_description = "edited"
    edited.save(str(tmp_path / "edited.mlpackage"))


@pytest.mark.parametrize("first", ["import coremltools\n", ""])
def test_it_can_be_enabled_before_or_after_coremltools_is_imported(
    packages: dict[str, Path], tmp_path: Path, first: str
) -> None:
    np.save(tmp_path / "x.npy", sample())
    script = tmp_path / "script.py"
    script.write_text(f"{first}import mlparity\nassert mlparity.enable_coremltools()\n{SCRIPT}")
    _run([sys.executable, str(script), str(packages["fp32"]), str(tmp_path / "x.npy")])


def test_exec_runs_an_unmodified_script_with_its_arguments(packages: dict[str, Path], tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", sample())
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    _run([sys.executable, "-m", "mlparity", "exec", str(script), str(packages["fp32"]), str(tmp_path / "x.npy")])


def _run(command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    np.testing.assert_allclose(np.array(eval(done.stdout)), expected(), rtol=0, atol=2e-7)


def _stateful(name: str) -> str:
    """Return a script that sums what it is given in a state, through `name`'s way of loading."""
    return f"""
import mlparity
mlparity.enable_coremltools()
import coremltools as ct
import numpy as np
from coremltools.converters.mil import Builder as mb
from coremltools.converters.mil.mil import types

fp16 = types.fp16
@mb.program(
    input_specs=[mb.TensorSpec((1,), dtype=fp16), mb.StateTensorSpec((1,), dtype=fp16)], opset_version=ct.target.iOS18
)
def program(x, total):
    y = mb.add(x=x, y=mb.read_state(input=total), name="y")
    mb.coreml_update_state(state=total, value=y)
    return y

package = ct.convert(program, minimum_deployment_target=ct.target.iOS18)
model = {name}
state = model.make_state()
found = [float(model.predict({{"x": np.ones(1)}}, state)["y"][0]) for _ in range(3)]
state.write_state("total", np.array([10.0]))
print([*found, float(model.predict({{"x": np.ones(1)}}, state=state)["y"][0]), float(state.read_state("total")[0])])
"""


@pytest.mark.parametrize(
    "loaded",
    [
        "package",
        "ct.models.CompiledMLModel(package.get_compiled_model_path())",
        "ct.models.CompiledMLModel(ct.models.utils.compile_model(package.package_path))",
    ],
)
def test_state_goes_from_prediction_to_prediction(tmp_path: Path, loaded: str) -> None:
    script = tmp_path / "script.py"
    script.write_text(_stateful(loaded))
    done = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "[1.0, 2.0, 3.0, 11.0, 11.0]"


def _scaling(path: Path, factor: float) -> Path:
    import coremltools as ct
    from coremltools.converters.mil import Builder as mb

    @mb.program(input_specs=[mb.TensorSpec((1, 4))], opset_version=ct.target.iOS16)
    def program(x: object) -> object:
        return mb.mul(x=x, y=factor, name="y")

    model = ct.convert(
        program,
        convert_to="mlprogram",
        compute_precision=ct.precision.FLOAT32,
        minimum_deployment_target=ct.target.iOS16,
        skip_model_load=True,
    )
    shutil.rmtree(path, ignore_errors=True)
    model.save(str(path))
    for each in (path, *path.rglob("*")):
        os.utime(each, (1e9, 1e9))
    return path


@pytest.mark.parametrize("in_place", [False, True])
def test_a_package_that_is_replaced_at_the_same_time_stamp_is_read_again(tmp_path: Path, in_place: bool) -> None:
    mlparity.enable_coremltools()
    path, features = tmp_path / "model.mlpackage", {"x": np.ones((1, 4), np.float32)}
    first = _model(_scaling(path, 2.0))
    assert first.predict(features)["y"].tolist() == [[2.0] * 4]
    other = _scaling(tmp_path / "other.mlpackage" if in_place else path, 3.0)
    if in_place:
        for each in (each for each in other.rglob("*") if each.is_file()):
            place = path / each.relative_to(other)
            place.write_bytes(each.read_bytes())
            os.utime(place, (1e9, 1e9))
    assert _model(path).predict(features)["y"].tolist() == [[3.0] * 4]
