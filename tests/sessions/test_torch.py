from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from mlparity.core.errors import ExecutionError
from mlparity.sessions import torch as torch_backend
from tests.loading import load_source

SAMPLE = {"x": np.random.default_rng(0).standard_normal((3, 8)).astype(np.float32)}


class NamesFp32(nn.Module):
    """Names fp32 wherever model code does: casts, new tensors, and types of reductions."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.layer = nn.Linear(8, 4)
        self.recurrent = nn.LSTM(4, 5)

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        hidden = self.layer(x).float() + torch.zeros(4, dtype=torch.float32)
        weights = torch.softmax(hidden, -1, dtype=torch.float32) + torch.full((4,), 0.1)
        sequence, _ = self.recurrent((hidden * weights)[None])
        return {"values": sequence.to(torch.float32), "best": weights.argmax(-1)}


def as_module(_: Path) -> str | nn.Module:
    return NamesFp32().eval()


def as_torchscript(folder: Path) -> str | nn.Module:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch's own, while it traces
        torch.jit.trace(NamesFp32().eval(), (torch.tensor(SAMPLE["x"]),), strict=False).save(folder / "net.pt")
    return str(folder / "net.pt")


def as_program(folder: Path) -> str | nn.Module:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch's own, while it saves
        program = torch.export.export(NamesFp32().eval(), (torch.tensor(SAMPLE["x"]),))
        torch.export.save(program, folder / "net.pt2")
    return str(folder / "net.pt2")


def values_in_numpy() -> np.ndarray:
    """The same network in numpy, in fp64 throughout, with fp32's 0.1."""
    net = NamesFp32()
    weight, bias = (parameter.detach().double().numpy() for parameter in net.layer.parameters())
    hidden = SAMPLE["x"].astype(np.float64) @ weight.T + bias
    powers = np.exp(hidden)
    inputs = hidden * (powers / powers.sum(-1, keepdims=True) + np.float64(np.float32(0.1)))
    from_input, _, bias_one, bias_two = (p.detach().double().numpy() for p in net.recurrent.parameters())
    # Each row is a sequence of one step, so the first state, zero, is the only one.
    enter, _, update, leave = np.split(inputs @ from_input.T + bias_one + bias_two, 4, axis=1)
    cell = np.tanh(update) / (1 + np.exp(-enter))
    return (np.tanh(cell) / (1 + np.exp(-leave)))[None]


@pytest.mark.parametrize("form", [as_module, as_torchscript, as_program])
def test_fp64_is_wide_throughout_whatever_the_code_names(
    form: Callable[[Path], str | nn.Module], tmp_path: Path
) -> None:
    source = load_source(form(tmp_path), SAMPLE)
    with torch_backend.open(source, double=True) as wide, torch_backend.open(source) as narrow:
        exact, rounded = wide.run(SAMPLE), narrow.run(SAMPLE)
    values = source.output_names[0]
    assert exact[values].dtype == np.float64
    assert rounded[values].dtype == np.float32
    # A single rounding to fp32 on the way would leave about 1e-8.
    assert np.abs(exact[values] - values_in_numpy()).max() < 1e-14
    assert 0 < np.abs(exact[values] - rounded[values]).max() < 1e-6


class Buckets(nn.Module):
    """Chooses a bucket for each distance by a logarithm, as T5 does, and gives the bucket's own value."""

    def __init__(self) -> None:
        super().__init__()
        self.values = nn.Embedding(6, 1)

    def forward(self, distances: Tensor) -> dict[str, Tensor]:
        bucket = (torch.log(distances.float()) / math.log(10)).to(torch.long)
        return {"bucket": bucket, "value": self.values(bucket)}


def test_what_integers_decide_is_decided_alike_in_both_runs() -> None:
    distances = np.arange(1, 100_000)
    sample = {"distances": distances}
    source = load_source(Buckets().eval(), sample)
    with torch_backend.open(source) as narrow, torch_backend.open(source, double=True) as wide:
        one, other = narrow.run(sample), wide.run(sample)
    np.testing.assert_array_equal(one["bucket"], other["bucket"])
    assert other["value"].dtype == np.float64
    in_fp64 = (np.log(distances.astype(np.float64)) / math.log(10)).astype(np.int64)
    assert (in_fp64 != one["bucket"]).any(), "the distances reach no boundary, so this test shows nothing"


class Experts(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.weights = nn.Parameter(torch.randn(2, 8, 16))

    def forward(self, x: Tensor) -> Tensor:
        return torch._grouped_mm(x, self.weights, offs=torch.tensor([1, 3], dtype=torch.int32))


def test_a_mixture_of_experts_runs_in_fp64() -> None:
    source = load_source(Experts().eval(), SAMPLE)
    with torch_backend.open(source, double=True) as wide:
        output = wide.run(SAMPLE)["output"]
    weights = next(source.module.parameters()).detach().double().numpy()  # type: ignore[attr-defined]
    rows = SAMPLE["x"].astype(np.float64)
    np.testing.assert_allclose(output, np.concatenate([rows[:1] @ weights[0], rows[1:] @ weights[1]]), rtol=1e-13)


def test_fp64_leaves_the_source_as_it_was() -> None:
    net = NamesFp32().eval()
    source = load_source(net, SAMPLE)
    torch_backend.open(source, double=True).run(SAMPLE)
    assert {parameter.dtype for parameter in net.parameters()} == {torch.float32}
    assert torch.zeros(1).dtype is torch.float32


def test_a_half_precision_source_runs_in_fp32() -> None:
    source = load_source(nn.Linear(8, 2).half().eval(), {"input": SAMPLE["x"].astype(np.float16)})
    with torch_backend.open(source) as session:
        assert session.run({"input": SAMPLE["x"]})["output"].dtype == np.float32


def test_integers_stay_integers() -> None:
    source = load_source(nn.Embedding(5, 3).eval(), {"input": np.array([[1, 4]])})
    for double in (False, True):
        with torch_backend.open(source, double=double) as session:
            assert session.run({"input": np.array([[1, 4]])})["output"].shape == (1, 2, 3)


def test_a_module_that_writes_into_its_input_leaves_the_sample_alone() -> None:
    source = load_source(nn.ReLU(inplace=True).eval(), {"input": SAMPLE["x"]})
    before = SAMPLE["x"].copy()
    torch_backend.open(source).run({"input": SAMPLE["x"]})
    np.testing.assert_array_equal(SAMPLE["x"], before)


def test_the_runtime_and_the_signature_are_told() -> None:
    session = torch_backend.open(load_source(NamesFp32().eval(), SAMPLE), double=True)
    assert session.runtime == f"PyTorch {torch.__version__} (fp64)"
    assert [spec.name for spec in session.signature.inputs] == ["x"]
    assert [spec.name for spec in session.signature.outputs] == ["values", "best"]
    assert torch_backend.probe().ok


class OnlyFp32(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        if x.dtype is not torch.float32:
            raise TypeError("my kernel wants fp32")
        return x


def test_a_source_that_refuses_fp64_says_so() -> None:
    source = load_source(OnlyFp32().eval(), SAMPLE)
    with torch_backend.open(source, double=True) as session, pytest.raises(ExecutionError, match="fp64") as caught:
        session.run(SAMPLE)
    assert caught.value.found == "TypeError: my kernel wants fp32"


def test_a_source_that_fails_later_names_its_error() -> None:
    source = load_source(nn.Linear(8, 2).eval(), {"input": SAMPLE["x"]})
    with torch_backend.open(source) as session, pytest.raises(ExecutionError, match="the source failed") as caught:
        session.run({"input": np.ones((1, 7), np.float32)})
    assert "RuntimeError" in caught.value.found


def test_a_closed_session_runs_no_more() -> None:
    session = torch_backend.open(load_source(NamesFp32().eval(), SAMPLE))
    session.close()
    session.close()
    with pytest.raises(ExecutionError, match="closed"):
        session.run(SAMPLE)
