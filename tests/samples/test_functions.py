from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from mlparity.core.errors import InputError
from mlparity.samples.digest import digest
from mlparity.samples.load import load_samples

CODE = """
import itertools
import numpy as np

def ramps():
    for step in range(3):
        yield {"x": np.full((1, 2), step / 3), "ids": np.array([step])}

def listed():
    return [{"x": np.zeros(1, np.float32)}]

def endless():
    for step in itertools.count():
        yield {"x": np.array([step], np.float32)}

def unseeded():
    yield {"x": np.random.default_rng().normal(size=3)}

calls = itertools.count()
def shrinking():
    yield from ({"x": np.zeros(1)} for _ in range(2 - min(next(calls), 1)))

def breaks():
    yield {"x": np.zeros(1)}
    raise RuntimeError("the camera is gone")

def nan(): yield {"x": np.array([np.nan])}
def none(): return []
def number(): return 3
def arrays(): yield np.zeros(3)
def lists(): yield {"x": [1, 2]}
def empty(): yield {}

CONSTANT = 3
"""


@pytest.fixture
def place(tmp_path: Path) -> Path:
    path = tmp_path / "generators.py"
    path.write_text(CODE)
    return path


def test_a_generator_yields_the_same_samples_again(place: Path) -> None:
    samples = load_samples(f"{place}:ramps")
    assert len(samples) == 3
    assert [(name, sample["ids"].tolist()) for name, sample in samples] == [
        ("sample 0", [0]),
        ("sample 1", [1]),
        ("sample 2", [2]),
    ]
    assert next(iter(samples))[1]["x"].dtype == np.float32
    assert digest(samples) == digest(load_samples(f"{place}:ramps"))


def test_a_list_serves_as_well_and_a_limit_ends_an_endless_one(place: Path) -> None:
    assert len(load_samples(f"{place}:listed")) == 1
    assert [sample["x"].item() for _, sample in load_samples(f"{place}:endless", limit=3)] == [0, 1, 2]


def test_a_function_in_the_current_directory_is_found(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(place.parent)
    assert len(load_samples("generators:ramps")) == 3


@pytest.mark.parametrize(("name", "which", "found"), [("unseeded", 0, "other values"), ("shrinking", 1, "no sample")])
def test_samples_that_change_between_passes_are_refused(place: Path, name: str, which: int, found: str) -> None:
    samples = load_samples(f"{place}:{name}")
    with pytest.raises(InputError, match="does not yield the same") as caught:
        list(samples)
    assert found in caught.value.found
    assert caught.value.where == f"sample {which} of {place}:{name}"


@pytest.mark.parametrize(
    ("name", "complaint", "found"),
    [
        ("breaks", "the function failed", "RuntimeError: the camera is gone"),
        ("nan", "NaN or infinity", "1 of 1 values"),
        ("none", "yields no samples", ""),
        ("number", "the function failed", "returned int"),
        ("arrays", "no dict of arrays", "ndarray"),
        ("lists", "no dict of arrays", "list"),
        ("empty", "no dict of arrays", "dict"),
        ("CONSTANT", "is no function", "int"),
        ("missing", "cannot be imported", "AttributeError"),
    ],
)
def test_a_function_that_gives_no_samples_says_why(place: Path, name: str, complaint: str, found: str) -> None:
    with pytest.raises(InputError, match=complaint) as caught:
        load_samples(f"{place}:{name}")
    assert found in caught.value.found


def test_a_failure_tells_the_line(place: Path) -> None:
    with pytest.raises(InputError) as caught:
        load_samples(f"{place}:breaks")
    line = CODE.splitlines().index('    raise RuntimeError("the camera is gone")') + 1
    assert f"raised at {place}:{line}" in caught.value.where


def test_a_missing_module_is_an_input_error() -> None:
    with pytest.raises(InputError, match="cannot be imported"):
        load_samples("no_such_module_here:samples")
