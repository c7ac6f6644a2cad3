"""Arrays of any layout become plain numbers with the same values, or a typed error."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from mlparity.core.errors import InputError
from mlparity.samples.functions import function_samples
from mlparity.samples.memory import memory_samples
from mlparity.samples.numbers import as_numbers

KINDS = ["u1", "i1", "u2", "i2", "u4", "i4", "u8", "i8", "f2", "f4", "f8", "?"]


@given(
    kind=st.sampled_from(KINDS),
    order=st.sampled_from("<>"),
    step=st.sampled_from([1, -1, 2, -2]),
    shape=arrays.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4),
    fortran=st.booleans(),
)
def test_layouts_change_no_value(kind: str, order: str, step: int, shape: tuple[int, ...], fortran: bool) -> None:
    whole = np.arange(np.prod(shape, dtype=int)).reshape(shape).astype(order + kind, order="F" if fortran else "C")
    array = whole[::step] if shape else whole
    plain = as_numbers(array, "here")
    assert plain.tolist() == array.tolist()
    assert plain.dtype.isnative
    assert plain.shape == array.shape
    assert plain.dtype != np.float64
    assert torch.tensor(plain).numpy().tolist() == array.tolist()


@pytest.mark.parametrize("kind", ["i1", "f4"])
def test_one_element_that_is_read_backwards_is_copied(kind: str) -> None:
    plain = as_numbers(np.ones(1, kind)[::-1], "here")
    assert min(plain.strides) > 0
    assert torch.from_numpy(plain).tolist() == [1]


def test_types_wider_than_float64_become_float32() -> None:
    assert as_numbers(np.array([0.5], np.longdouble), "here").dtype == np.float32


@pytest.mark.parametrize(
    "array",
    [
        np.array([None]),
        np.array(["a"]),
        np.array([b"a"]),
        np.array([1j]),
        np.array(["2020-01-01"], "M8[D]"),
        np.zeros(2, [("x", "f4")]),
        np.ma.masked_equal([1.0, 2.0], 2.0),
    ],
    ids=lambda array: str(array.dtype),
)
def test_what_is_no_number_is_refused(array: np.ndarray) -> None:
    with pytest.raises(InputError, match="an array h"):
        as_numbers(array, "here")
    with pytest.raises(InputError, match="sample 0, input x"):
        memory_samples([{"x": array}])


def test_a_mask_that_hides_nothing_is_no_matter() -> None:
    assert as_numbers(np.ma.masked_equal([1.0, 2.0], 3.0), "here").tolist() == [1.0, 2.0]


def test_names_that_are_not_utf8_are_refused() -> None:
    with pytest.raises(InputError, match="not UTF-8"):
        memory_samples([{"\udcff": np.zeros(1, np.float32)}])


def test_a_function_tells_how_many_samples_it_has_yielded(tmp_path: Path) -> None:
    (tmp_path / "three.py").write_text(
        "import numpy as np\ndef samples():\n    yield from ({'x': np.zeros(1, '>f4')} for _ in range(3))\n"
    )
    told: list[tuple[str, int, int]] = []
    samples = function_samples(f"{tmp_path / 'three.py'}:samples", None, lambda *now: told.append(now))
    assert told == [("samples", 1, 0), ("samples", 2, 0), ("samples", 3, 0), ("samples", 3, 3)]
    assert all(sample["x"].dtype.isnative for _, sample in samples)
