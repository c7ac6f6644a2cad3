from __future__ import annotations

import numpy as np
import pytest

from mlparity.core.errors import InputError
from mlparity.core.session import Signature, TensorSpec
from mlparity.samples.check import check_sample, signature_of
from mlparity.samples.digest import digest, sample_sha256
from mlparity.samples.random import random_samples, signature_from_text


def test_shapes_are_read_from_text() -> None:
    signature = signature_from_text(["x:1,3,8,8", "ids:1,4:int32", "scale:"])
    assert signature.inputs == (
        TensorSpec("x", (1, 3, 8, 8), "float32"),
        TensorSpec("ids", (1, 4), "int32"),
        TensorSpec("scale", (), "float32"),
    )


@pytest.mark.parametrize("texts", [["x"], ["x:1x3"], ["x:1:float63"], ["x:-1"], ["x:1", "x:2"]])
def test_a_shape_of_another_form_is_refused(texts: list[str]) -> None:
    with pytest.raises(InputError):
        signature_from_text(texts)


def test_random_samples_are_the_same_in_each_pass_and_differ_by_seed() -> None:
    signature = signature_from_text(["x:2,3", "mask:1,4:bool", "ids:1,50:int64"])
    samples = random_samples(signature, 3, seed=5)
    assert digest(samples) == digest(samples) == digest(random_samples(signature, 3, seed=5))
    assert digest(samples) != digest(random_samples(signature, 3, seed=6))
    assert len({sample_sha256(sample) for _, sample in samples}) == len(samples) == 3


def test_random_samples_fit_their_signature_and_carry_a_warning() -> None:
    signature = signature_from_text(["x:2,3:float16", "ids:1,50:int32", "pixels:4:uint8"])
    samples = random_samples(signature)
    for name, sample in samples:
        check_sample(sample, signature, name)
        assert set(np.unique(sample["ids"])) == {0, 1}
    assert "real samples" in samples.warning


def test_a_flexible_dimension_becomes_one() -> None:
    samples = random_samples(Signature((TensorSpec("x", (None, 3), "float32"),)), 1)
    assert next(iter(samples))[1]["x"].shape == (1, 3)


@pytest.mark.parametrize(
    ("spec", "found"),
    [(TensorSpec("x", None, "float32"), "x"), (TensorSpec("x", (1,), ""), "x"), (None, "no inputs")],
)
def test_an_unknown_shape_or_type_asks_for_it(spec: TensorSpec | None, found: str) -> None:
    with pytest.raises(InputError, match="need the shapes") as caught:
        random_samples(Signature((spec,) if spec else ()))
    assert "x:1,3,224,224" in caught.value.next_step
    assert caught.value.found == f"{found}: not known"


SIGNATURE = signature_from_text(["x:1,3,8,8", "ids:1,4:int32"])
GOOD: dict[str, np.ndarray] = {"x": np.ones((1, 3, 8, 8), np.float32), "ids": np.ones((1, 4), np.int64)}


def test_a_sample_that_fits_passes() -> None:
    check_sample(GOOD, SIGNATURE)
    check_sample(GOOD, signature_of(GOOD))


@pytest.mark.parametrize(
    ("change", "complaint", "found"),
    [
        ({"ids": None}, "inputs are not the model's", "x"),
        ({"extra": np.ones(1)}, "inputs are not the model's", "x, ids, extra"),
        ({"x": np.ones((3, 8, 8), np.float32)}, "wrong rank", "rank 3"),
        ({"x": np.ones((1, 3, 8, 9), np.float32)}, "wrong shape", "(1, 3, 8, 9)"),
        ({"ids": np.ones((1, 4), np.float32)}, "wrong type", "float32"),
        ({"x": np.full((1, 3, 8, 8), np.nan, np.float32)}, "NaN or infinity", "192 of 192"),
    ],
)
def test_a_sample_that_does_not_fit_says_what_was_found(
    change: dict[str, np.ndarray | None], complaint: str, found: str
) -> None:
    sample = {name: array for name, array in {**GOOD, **change}.items() if array is not None}
    with pytest.raises(InputError, match=complaint) as caught:
        check_sample(sample, SIGNATURE, "photo.npz")
    assert found in caught.value.found
    assert "photo.npz" in caught.value.where


@pytest.mark.parametrize(
    "other",
    [
        {"x": np.array([1, 2], np.float32), "y": np.array([4], np.float32)},
        {"x": np.array([1, 2], np.int32), "y": np.array([3], np.float32)},
        {"x": np.array([[1, 2]], np.float32), "y": np.array([3], np.float32)},
        {"x": np.array([1, 2], np.float32), "z": np.array([3], np.float32)},
    ],
)
def test_the_digest_follows_names_types_shapes_and_values(other: dict[str, np.ndarray]) -> None:
    sample = {"x": np.array([1, 2], np.float32), "y": np.array([3], np.float32)}
    assert sample_sha256(sample) != sample_sha256(other)
    assert sample_sha256(sample) == sample_sha256(dict(reversed(sample.items())))


def test_the_digest_reads_a_strided_array_by_value() -> None:
    grid = np.arange(6, dtype=np.float32).reshape(2, 3)
    assert sample_sha256({"x": grid.T}) == sample_sha256({"x": np.ascontiguousarray(grid.T)})


def test_eight_samples_of_seed_0_unless_others_are_asked_for() -> None:
    signature = signature_from_text(["x:2"])
    assert len(random_samples(signature)) == 8
    assert digest(random_samples(signature)) == digest(random_samples(signature, 8, 0))
    assert [name for name, _ in random_samples(signature, 2)] == ["random 0", "random 1"]
    assert random_samples(signature, 3, 7).description == "3 random samples, seed 7"


def test_values_are_normal_or_zeros_and_ones() -> None:
    signature = signature_from_text(["x:10000", "n:1000:int64", "scalar:"])
    ((_, sample),) = random_samples(signature, 1)
    assert abs(float(sample["x"].mean())) < 0.05
    assert abs(float(sample["x"].std()) - 1) < 0.05
    assert set(sample["n"].tolist()) == {0, 1}
    assert sample["scalar"].shape == ()
