"""The same plan on another device: skipped where there is none."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from mlparity.engine.mil.program import Program
from mlparity.engine.numerics import FP32, REFERENCE, TYPED, Profile
from mlparity.engine.numerics.products import Geometry
from mlparity.engine.numerics.unit_profiles import UNIT_PROFILES
from mlparity.engine.runtime.bind import bind
from tests.engine.runtime.programs import computed, op, program, tensor

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA device")

RANDOM = np.random.default_rng(0)
X = RANDOM.standard_normal((2, 4, 9, 8)).astype(np.float32)


def _network(dtype: str) -> Program:
    kernel = (RANDOM.standard_normal((6, 4, 3, 3)) / 6).astype(np.float16)
    matrix = (RANDOM.standard_normal((5, 252)) / 16).astype(np.float16)
    steps = (
        op("conv", tensor("c", dtype, 2, 6, 7, 6), x="%x", weight=kernel, bias=np.ones(6, np.float16)),
        op("relu", tensor("r", dtype, 2, 6, 7, 6), x="%c"),
        op("reshape", tensor("f", dtype, 2, 252), x="%r", shape=np.array([2, 252], np.int32)),
        op("linear", tensor("l", dtype, 2, 5), x="%f", weight=matrix),
        op("softmax", tensor("y", dtype, 2, 5), x="%l", axis=np.int32(-1)),
    )
    return program((tensor("x", dtype, 2, 4, 9, 8),), steps, ("y",))


@pytest.mark.parametrize("kernels", [False, True], ids=["plain", "optimised"])
@pytest.mark.parametrize(("dtype", "profile"), [("fp32", REFERENCE), ("fp32", FP32), ("fp16", TYPED)])
def test_a_plan_on_cuda_computes_what_it_computes_on_the_cpu(dtype: str, profile: Profile, kernels: bool) -> None:
    written = _network(dtype)
    found = {}
    for name in ("cpu", "cuda"):
        device = torch.device(name)
        plan = bind(written, profile, device=device, kernels=kernels)
        (held,) = computed(plan, {"x": torch.from_numpy(X).to(device, profile.compute)}).values()
        assert held.device.type == name
        found[name] = held.cpu().numpy()
    unit = 2.0**-46 if profile is REFERENCE else 2.0**-9  # TF32 may serve fp32 convolutions
    np.testing.assert_allclose(found["cuda"], found["cpu"], rtol=unit, atol=unit)


@pytest.mark.parametrize("name", ["cpu-fp16-sequential", "cpu-fp16-8-lanes", "ne-m4", "ne-m6"])
def test_exact_products_have_the_bits_that_they_have_on_the_cpu(name: str) -> None:
    profile = next(each.profile for each in UNIT_PROFILES if each.name == name)
    products = profile.numerics("fp16").products
    x, w = (torch.from_numpy(RANDOM.standard_normal(shape)).half().float() for shape in ((2, 4, 9, 8), (6, 4, 3, 3)))
    walk = Geometry((1, 1), (1, 1), (1, 1), 1)
    found = products.conv(x.cuda(), w.cuda(), None, walk)
    assert found.device.type == "cuda"
    assert torch.equal(found.cpu(), products.conv(x, w, None, walk))
    ones = x.new_ones(3, 8)
    assert torch.equal(products.linear(x.cuda(), ones.cuda(), None).cpu(), products.linear(x, ones, None))
