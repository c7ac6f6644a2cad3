"""What a sample has to be, dimension by dimension, and where it is not finite."""

from __future__ import annotations

import math

import numpy as np
import pytest

from mlparity.core.errors import InputError
from mlparity.core.session import Signature, TensorSpec
from mlparity.samples.check import check_finite, check_sample, signature_of


def fits(array: np.ndarray, shape: tuple[int | None, ...] | None, dtype: str = "") -> str:
    """Return the complaint, or nothing."""
    try:
        check_sample({"x": array}, Signature((TensorSpec("x", shape, dtype),)))
    except InputError as error:
        return f"{error.what}; {error.next_step}"
    return ""


@pytest.mark.parametrize(
    ("found", "shape", "complaint"),
    [
        ((2, 3), (2, 3), ""),
        ((2, 3), (None, 3), ""),
        ((2, 3), (None, None), ""),
        ((2, 3), None, ""),
        ((), (), ""),
        ((2, 3), (2, 4), "wrong shape"),
        ((2, 3), (None, 4), "wrong shape"),
        ((0, 3), (1, 3), "wrong shape"),
        # One axis more or less is likely the batch; two are not.
        ((2,), (1, 2), "wrong rank; add or remove the batch axis"),
        ((1, 2), (2,), "wrong rank; add or remove the batch axis"),
        ((2,), (1, 1, 2), "wrong rank; "),
        ((2,), (), "wrong rank; add or remove the batch axis"),
    ],
)
def test_ranks_and_sizes(found: tuple[int, ...], shape: tuple[int | None, ...] | None, complaint: str) -> None:
    said = fits(np.zeros(found, np.float32), shape)
    assert complaint in said
    assert bool(said) is bool(complaint)
    assert ("batch axis" in said) is ("batch axis" in complaint)


@pytest.mark.parametrize(
    ("dtype", "wanted", "is_taken"),
    [
        ("float32", "float16", True),
        ("float16", "float32", True),
        ("int64", "int32", True),
        ("int32", "float32", True),
        ("bool", "float32", True),
        ("float32", "int32", False),
        ("float32", "bool", False),
        ("int32", "uint8", False),
        ("float32", "", True),
    ],
)
def test_kinds_of_types(dtype: str, wanted: str, is_taken: bool) -> None:
    assert (fits(np.zeros(2, dtype), (2,), wanted) == "") is is_taken


@pytest.mark.parametrize(
    ("values", "found"),
    [
        ([[0.0, 1.0]], ""),
        ([[math.nan, 1.0]], "1 of 2 values, the first at [0, 0]"),
        ([[0.0, 1.0], [0.0, -math.inf]], "1 of 4 values, the first at [1, 1]"),
        ([[0.0, math.inf], [math.nan, 0.0]], "2 of 4 values, the first at [0, 1]"),
        ([], ""),
    ],
)
def test_values_that_are_not_finite(values: list[object], found: str) -> None:
    array = np.array(values, np.float32)
    if not found:
        return check_finite({"x": array, "n": np.array([1])}, "")
    with pytest.raises(InputError) as caught:
        check_finite({"n": np.array([1]), "x": array}, "a.npz")
    assert (caught.value.found, caught.value.where) == (found, "input x of a.npz")
    with pytest.raises(InputError) as caught:
        check_finite({"x": array}, "")
    assert caught.value.where == "input x"
    return None


def test_the_signature_of_a_sample() -> None:
    sample = {"x": np.zeros((1, 2), np.float16), "n": np.array(3)}
    assert signature_of(sample).inputs == (TensorSpec("x", (1, 2), "float16"), TensorSpec("n", (), "int64"))


@pytest.mark.parametrize(
    ("shape", "shown"), [((None, 4), "(any, 4)"), ((2, 4), "(2, 4)"), ((2, 3, 4), "rank 3, shape (2, 3, 4)")]
)
def test_the_shape_that_was_expected_is_shown(shape: tuple[int | None, ...], shown: str) -> None:
    with pytest.raises(InputError) as caught:
        check_sample({"x": np.zeros((2, 3), np.float32)}, Signature((TensorSpec("x", shape, ""),)))
    assert caught.value.expected == shown
