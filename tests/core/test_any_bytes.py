"""Every small file that a user may name: any bytes in it end in a typed error or are read."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mlparity.core.errors import MlparityError
from mlparity.engine.placement.compute_plan import read_compute_plan
from mlparity.record.files import read_record
from mlparity.record.outputs import read_header
from mlparity.record.text import text_of
from mlparity.samples.arrays import read_arrays
from mlparity.samples.preprocess import preprocess_named
from mlparity.targets.artifacts import read_metadata
from mlparity.verification.policies import policy_of
from tests.record.example import example_record


def _npy(folder: Path) -> bytes:
    np.save(folder / "whole.npy", np.arange(6, dtype=">f4").reshape(2, 3))
    return (folder / "whole.npy").read_bytes()


def _npz(folder: Path) -> bytes:
    header = {"mlparity.json": np.frombuffer(b'{"version": 1}', "u1")}
    np.savez_compressed(folder / "whole.npz", x=np.arange(6), **header)  # type: ignore[arg-type]
    return (folder / "whole.npz").read_bytes()


def _safetensors(_folder: Path) -> bytes:
    from safetensors.numpy import save

    return save({"x": np.arange(6, dtype=np.float32)})


POLICY = (
    b'name = "p"\nnoise_cap = 0.1\n[limits.max_abs]\nat_most = 1e-4\n[outputs.y]\ntask = "classes"\naxis = 1\nk = 3\n'
)
RECIPE = b'preset = "imagenet"\nsize = [2, 3]\nmean = [0.5]\nscale = 1\nresample = "nearest"\ninput = "x"\n'
PLAN = json.dumps(
    {
        "format": "mlparity.compute_plan",
        "version": 1,
        "compute_units": "ALL",
        "chip": "M4",
        "ops": [{"output": "y", "processor": "cpu"}],
    }
).encode()

READERS: dict[str, tuple[str, Callable[[Path], bytes], Callable[[Path], object]]] = {
    "array": ("a.npy", _npy, lambda path: read_arrays(path, "x")),
    "arrays": ("a.npz", _npz, lambda path: read_arrays(path, "x")),
    "safetensors": ("a.safetensors", _safetensors, lambda path: read_arrays(path, "x")),
    "header": ("a.npz", _npz, read_header),
    "policy": ("p.toml", lambda _: POLICY, policy_of),
    "preprocessing": ("p.toml", lambda _: RECIPE, lambda path: preprocess_named(str(path))),
    "record": ("record.json", lambda _: text_of(example_record()).encode(), read_record),
    "sidecar": (
        "m.tflite.mlparity.json",
        lambda _: b'{"com.mlparity.a": "b"}',
        lambda p: read_metadata(p.with_name("m.tflite")),
    ),
    "compute plan": ("plan.json", lambda _: PLAN, read_compute_plan),
}
DEEP = {"json": b"[" * 100_000, "toml": b"a=" + b"[" * 5000, "number": b"noise_cap = 1" + b"0" * 400}


@pytest.mark.parametrize("reader", READERS)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_mutated_files_are_read_or_refused(reader: str, data: st.DataObject, tmp_path: Path) -> None:
    name, make, read = READERS[reader]
    whole = make(tmp_path)
    start = data.draw(st.integers(0, len(whole)))
    end = data.draw(st.integers(start, min(start + 8, len(whole))))
    piece = data.draw(
        st.one_of(st.binary(max_size=8), st.sampled_from([b"9" * 400, b"-1", b"null", b'"a"', b"[]", b"1e999"]))
    )
    (tmp_path / name).write_bytes(whole[:start] + piece + whole[end:])
    with suppress(MlparityError):
        read(tmp_path / name)


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("kind", DEEP)
def test_deep_and_long_texts_are_refused(reader: str, kind: str, tmp_path: Path) -> None:
    name, _, read = READERS[reader]
    (tmp_path / name).write_bytes(DEEP[kind])
    with pytest.raises(MlparityError):
        read(tmp_path / name)


def test_an_array_that_claims_terabytes_is_refused(tmp_path: Path) -> None:
    with (tmp_path / "huge.npy").open("wb") as file:
        np.lib.format.write_array_header_1_0(file, {"descr": "<f4", "fortran_order": False, "shape": (1 << 40,)})
    with pytest.raises(MlparityError, match=r"huge\.npy"):
        read_arrays(tmp_path / "huge.npy", "x")
