from __future__ import annotations

import numpy as np
import pytest

from mlparity.core.errors import ExecutionError, InputError
from mlparity.core.session import Outputs, Sample, Signature, TensorSpec
from mlparity.sessions.checked import run_checked


class Fixed:
    """A session of a given signature that returns given outputs, and keeps what it was fed."""

    runtime = "a fixed runtime"

    def __init__(self, signature: Signature, outputs: Outputs | Exception) -> None:
        self.signature, self.outputs = signature, outputs
        self.fed: Sample = {}

    def run(self, sample: Sample) -> Outputs:
        self.fed = sample
        if isinstance(self.outputs, Exception):
            raise self.outputs
        return self.outputs

    def close(self) -> None:
        self.fed = {}


SIGNATURE = Signature(
    (TensorSpec("x", (1, None), "float32"), TensorSpec("ids", None, "int32")),
    (TensorSpec("y", (1, 2), "float32"), TensorSpec("z", None, "")),
)
SAMPLE = {"ids": np.array([3]), "x": np.ones((1, 5), np.float32)}
OUTPUTS: Outputs = {"z": np.array([1]), "y": np.zeros((1, 2), np.float32)}


def test_inputs_are_cast_within_their_kind_and_outputs_come_in_order() -> None:
    session = Fixed(SIGNATURE, OUTPUTS)
    assert list(run_checked(session, SAMPLE)) == ["y", "z"]
    assert [(name, array.dtype.name) for name, array in session.fed.items()] == [("x", "float32"), ("ids", "int32")]


def test_a_boolean_may_become_a_number_and_a_wide_float_a_narrow_one() -> None:
    session = Fixed(SIGNATURE, OUTPUTS)
    run_checked(session, {"ids": np.array([True]), "x": np.array([[0.1]])})
    assert (session.fed["ids"].tolist(), session.fed["x"].dtype.name) == ([1], "float32")


def test_a_signature_without_inputs_takes_any_sample() -> None:
    session = Fixed(Signature(()), {"anything": np.zeros(1)})
    assert list(run_checked(session, SAMPLE)) == ["anything"]
    assert session.fed is SAMPLE


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"ids": None}, "wrong input names"),
        ({"more": np.zeros(1)}, "wrong input names"),
        ({"x": np.ones((2, 5), np.float32)}, "wrong input shape"),
        ({"x": np.ones(5, np.float32)}, "wrong input shape"),
        ({"ids": np.array([3.0])}, "wrong input type"),
        ({"ids": np.array([2**31])}, "does not fit"),
        ({"x": np.array([[1e300]])}, "does not fit"),
    ],
)
def test_a_sample_that_does_not_fit_never_reaches_the_runtime(
    change: dict[str, np.ndarray | None], complaint: str
) -> None:
    session = Fixed(SIGNATURE, OUTPUTS)
    sample = {name: array for name, array in {**SAMPLE, **change}.items() if array is not None}
    with pytest.raises(InputError, match=complaint) as refused:
        run_checked(session, sample)
    assert refused.value.next_step
    assert session.fed == {}


@pytest.mark.parametrize(
    ("outputs", "complaint"),
    [
        ({"y": np.zeros((1, 2), np.float32)}, "gave no z"),
        ({**OUTPUTS, "y": np.zeros((1, 3), np.float32)}, "another output"),
        ({**OUTPUTS, "y": np.zeros((1, 2))}, "another output"),
    ],
)
def test_outputs_that_the_signature_does_not_promise_are_an_error(outputs: Outputs, complaint: str) -> None:
    with pytest.raises(ExecutionError, match=complaint):
        run_checked(Fixed(SIGNATURE, outputs), SAMPLE)


def test_a_foreign_error_gets_the_runtimes_name_and_an_own_one_passes() -> None:
    with pytest.raises(ExecutionError, match="a fixed runtime failed") as caught:
        run_checked(Fixed(SIGNATURE, IndexError("7")), SAMPLE)
    assert caught.value.found == "IndexError: 7"
    own = ExecutionError("the op refused")
    with pytest.raises(ExecutionError, match=r"^the op refused$"):
        run_checked(Fixed(SIGNATURE, own), SAMPLE)


def test_a_scalar_fits_an_input_of_one_element_and_no_other() -> None:
    one = Fixed(Signature((TensorSpec("s", (1,), "float32"),)), {"y": np.zeros(1)})
    run_checked(one, {"s": np.array(2, np.float32)})
    assert one.fed["s"].tolist() == [2]
    with pytest.raises(InputError, match="shape"):
        run_checked(Fixed(Signature((TensorSpec("s", (2,), "float32"),)), {}), {"s": np.zeros((), np.float32)})
