"""The run in fp64 computes what the source computes, wherever the source keeps its numbers and whatever their types."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mlparity.core.session import Sample
from mlparity.sessions import torch as torch_backend
from mlparity.sessions.torch import roundings_of
from mlparity.sessions.torch_trace import trace_source
from mlparity.sessions.torch_variants import run_with_fp16_weights
from tests.loading import load_source

ANGLES = torch.outer(torch.arange(6.0), 1.0 / 100 ** (torch.arange(4.0) / 4))
TABLE = torch.polar(torch.ones_like(ANGLES), ANGLES)
SAMPLE = {"x": np.random.default_rng(0).standard_normal((6, 8)).astype(np.float32)}


def turned(x: Tensor, table: Tensor) -> Tensor:
    return torch.view_as_real(torch.view_as_complex(x.reshape(6, 4, 2)) * table).reshape(6, 8)


class Buffer(nn.Module):
    table: Tensor

    def __init__(self, dtype: torch.dtype = torch.complex64) -> None:
        super().__init__()
        self.register_buffer("table", TABLE.to(dtype))

    def forward(self, x: Tensor) -> Tensor:
        return turned(x, self.table)


class Parameter(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.table = nn.Parameter(TABLE.clone())

    def forward(self, x: Tensor) -> Tensor:
        return turned(x, self.table)


class Attribute(nn.Module):
    def __init__(self, held: Any, get: Callable[[Any], Tensor]) -> None:
        super().__init__()
        self.held, self.get = held, get

    def forward(self, x: Tensor) -> Tensor:
        return turned(x, self.get(self.held))


class Closure(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return turned(x, TABLE)


class Made(nn.Module):
    def __init__(self, make: Callable[[], Tensor]) -> None:
        super().__init__()
        self.make = make

    def forward(self, x: Tensor) -> Tensor:
        return turned(x, self.make())


class Cast(nn.Module):
    """Names complex64 where code does: a cast of real numbers, and one back."""

    def forward(self, x: Tensor) -> Tensor:
        pairs = torch.view_as_complex(x.reshape(6, 4, 2)).to(torch.complex64)
        return torch.view_as_real(pairs * TABLE.to(torch.complex64)).to(torch.float32).reshape(6, 8)


class Nested(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.parts = nn.ModuleList([nn.Sequential(Buffer()), Buffer()])

    def forward(self, x: Tensor) -> Tensor:
        for part in self.parts:
            x = part(x)
        return x


def drawn_table() -> Tensor:
    return torch.polar(torch.ones(6, 4), torch.outer(torch.arange(6.0), 1.0 / 100 ** (torch.arange(4.0) / 4)))


def written_table() -> Tensor:
    table = torch.zeros(6, 4, dtype=torch.complex64)
    table[:] = TABLE
    return table


SOURCES: dict[str, tuple[Callable[[], nn.Module], int]] = {
    "buffer": (Buffer, 1),
    "complex128 buffer": (lambda: Buffer(torch.complex128), 1),
    "parameter": (Parameter, 1),
    "attribute": (lambda: Attribute(TABLE.clone(), lambda held: held), 1),
    "list": (lambda: Attribute([TABLE.clone()], lambda held: held[0]), 1),
    "dictionary": (lambda: Attribute({"a": (1, TABLE.clone())}, lambda held: held["a"][1]), 1),
    "module's constant": (Closure, 1),
    "polar in forward": (lambda: Made(drawn_table), 1),
    "zeros written in forward": (lambda: Made(written_table), 1),
    "cast": (Cast, 1),
    "nested": (Nested, 2),
}


def in_numpy(times: int) -> np.ndarray:
    x = SAMPLE["x"].astype(np.float64)
    table = TABLE.numpy().astype(np.complex128)
    for _ in range(times):
        product = (x[:, 0::2] + 1j * x[:, 1::2]) * table
        x = np.stack([product.real, product.imag], -1).reshape(6, 8)
    return x


def both(module: nn.Module | str, sample: Sample) -> tuple[np.ndarray, np.ndarray]:
    source = load_source(module, sample)
    with torch_backend.open(source) as narrow, torch_backend.open(source, double=True) as wide:
        one, other = narrow.run(sample), wide.run(sample)
    (name,) = source.output_names
    return one[name], other[name]


@pytest.fixture(autouse=True)
def _no_warning_of_lost_parts() -> None:
    warnings.simplefilter("error")


@pytest.mark.parametrize("name", SOURCES)
def test_complex_numbers_keep_both_parts(name: str) -> None:
    build, times = SOURCES[name]
    narrow, wide = both(build().eval(), SAMPLE)
    assert narrow.dtype == np.float32
    assert wide.dtype == np.float64
    # Tables that code makes in fp64 differ from the fp32 table by its rounding.
    np.testing.assert_allclose(wide, in_numpy(times), atol=2e-6 if "polar" in name else 1e-14)
    assert 0 < np.abs(narrow - wide).max() < 2e-6


def saved_program(folder: Path) -> str:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch's own, while it saves
        torch.export.save(torch.export.export(Nested().eval(), (torch.tensor(SAMPLE["x"]),)), folder / "net.pt2")
    return str(folder / "net.pt2")


def saved_script(folder: Path) -> str:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch's own, while it traces
        torch.jit.trace(Nested().eval(), (torch.tensor(SAMPLE["x"]),)).save(folder / "net.pt")
    return str(folder / "net.pt")


@pytest.mark.parametrize("save", [saved_program, saved_script])
def test_saved_programs_keep_both_parts(save: Callable[[Path], str], tmp_path: Path) -> None:
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", category=DeprecationWarning)
        narrow, wide = both(save(tmp_path), SAMPLE)
    np.testing.assert_allclose(wide, in_numpy(2), atol=1e-14)
    assert 0 < np.abs(narrow - wide).max() < 2e-6


def test_a_complex_input_stays_complex() -> None:
    class Modulus(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return (x * TABLE).real

    x = (SAMPLE["x"][:, :4] + 1j * SAMPLE["x"][:, 4:]).astype(np.complex64)
    narrow, wide = both(Modulus().eval(), {"x": x})
    np.testing.assert_allclose(wide, (x.astype(np.complex128) * TABLE.numpy()).real, atol=1e-14)
    assert np.abs(narrow - wide).max() < 1e-6


def test_the_trace_tells_both_parts_apart() -> None:
    source = load_source(Buffer().eval(), SAMPLE)
    trace = trace_source(source, SAMPLE)
    product = next(op.results[0][1] for op in trace.ops if op.origin.op == "aten.mul")
    assert product.dtype == np.complex128
    assert np.abs(product.imag).max() > 0.1


def test_rounded_weights_have_both_parts_rounded() -> None:
    source = load_source(Buffer().eval(), SAMPLE)
    found = run_with_fp16_weights(source, SAMPLE)
    assert found is not None
    table = torch.view_as_complex(torch.view_as_real(TABLE).half().float())
    np.testing.assert_allclose(found["output"], turned(torch.tensor(SAMPLE["x"]), table).numpy(), atol=1e-7)


class Changes(nn.Module):
    def __init__(self, change: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.change = change
        self.into = torch.zeros(6, 8)

    def forward(self, x: Tensor) -> Tensor:
        return self.change(x)


def bits(x: Tensor) -> Tensor:
    """The sign and the exponent of fp32, as code reads them."""
    return (x.view(torch.int32) & 0x7F800000).view(torch.float32) * 1.5


def drawn(x: Tensor) -> Tensor:
    torch.manual_seed(0)
    kept = torch.zeros_like(x).uniform_()
    return x + torch.randn_like(x) + torch.rand(8) + torch.bernoulli(torch.full_like(x, 0.5)) + kept


def written_out(x: Tensor) -> Tensor:
    into = torch.zeros(8)
    torch.mul(x[0], 3.0, out=into)
    return into


@pytest.mark.parametrize(
    "change",
    [
        bits,
        drawn,
        written_out,
        lambda x: torch.fft.irfft(torch.fft.rfft(x) * torch.polar(torch.ones(5), torch.arange(5.0))),
        lambda x: F.rms_norm(x * 1e-4, (8,)),
        lambda x: torch.rms_norm(x * 1e-4, (8,), eps=None),
        lambda x: x @ torch.ones(8, 3, dtype=torch.bfloat16).float(),
        lambda x: torch.complex(x, torch.ones(8)).abs(),
        lambda x: x.cfloat().mul(1j).imag,
        lambda x: torch.einsum("ij,ij->i", x.to(torch.complex64), TABLE.repeat(1, 2)).real,
        lambda x: torch.stft(x.reshape(1, 48), 16, 8, window=torch.hann_window(16), return_complex=True).abs(),
        lambda x: torch.bucketize(x, torch.tensor([-0.5, 0.5])).float() + F.embedding(torch.tensor([1, 2]), x)[0],
    ],
)
def test_what_code_does_by_the_types_of_fp32_is_done_alike(change: Callable[[Tensor], Tensor]) -> None:
    narrow, wide = both(Changes(change).eval(), SAMPLE)
    assert narrow.shape == wide.shape
    assert np.abs(narrow - wide).max() <= 2e-6 * np.abs(wide).max()
    assert np.abs(wide).max() > 0.1


def test_autocast_shows_as_the_noise_that_it_is() -> None:
    def halved(x: Tensor) -> Tensor:
        with torch.autocast("cpu", dtype=torch.bfloat16):
            return F.linear(x, torch.ones(3, 8) / 3).float()

    narrow, wide = both(Changes(halved).eval(), SAMPLE)
    np.testing.assert_allclose(wide, SAMPLE["x"].astype(np.float64).sum(-1)[:, None].repeat(3, 1) / 3, atol=2e-2)
    assert np.abs(narrow - wide).max() > 1e-3


def test_a_value_is_quantised_alike_in_both_runs() -> None:
    def quantised(x: Tensor) -> Tensor:
        return torch.quantize_per_tensor(x, 0.1, 0, torch.qint8).dequantize() + x

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch's own: it is to be replaced
        narrow, wide = both(Changes(quantised).eval(), SAMPLE)
    assert 0 < np.abs(narrow - wide).max() < 1e-6


def test_roundings_are_the_lengths_of_the_sums() -> None:
    net = nn.Sequential(nn.Linear(8, 5), nn.ReLU(), nn.Linear(5, 3)).eval()
    counts = {}
    for width, module in (("narrow", net), ("deep", nn.Sequential(net, nn.Linear(3, 64), nn.Linear(64, 3)).eval())):
        source = load_source(module, {"input": SAMPLE["x"]})
        with torch_backend.open(source, double=True) as session:
            assert roundings_of(session) == 0
            session.run({"input": SAMPLE["x"]})
            counts[width] = roundings_of(session)
    assert 8 + 1 + 5 <= counts["narrow"] <= 3 * (8 + 1 + 5)
    assert counts["deep"] >= counts["narrow"] + 64
    with torch_backend.open(load_source(net, {"input": SAMPLE["x"]})) as plain:
        plain.run({"input": SAMPLE["x"]})
        assert roundings_of(plain) == 0
    assert math.isfinite(counts["deep"])
