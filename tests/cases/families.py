"""Which families of ops have cases (`tests/cases/<family>.py`) and oracles (`tests/oracles/<family>.py`).

A cases module holds `CASES`, a sequence of `Case`. An oracles module holds `ORACLES`, a mapping from an op's name to a
function that takes the case's inputs by name (floating arrays as float64) and returns the exact result: an array, a
`Terms`, or a tuple of them for several results.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping

from tests.cases.case import Case

FAMILIES = (
    "activation",
    "constexpr_ops",
    "control_flow",
    "conv",
    "conv_quantized",
    "elementwise_binary",
    "elementwise_unary",
    "image_resizing",
    "linear",
    "lstm",
    "normalization",
    "pool",
    "recurrent",
    "reduction",
    "scatter_gather",
    "tensor_operation",
    "tensor_transformation",
    "transformers",
)

TESTED_APART: Mapping[str, str] = {
    "classify": "tests/engine/ops/test_classify.py",
    "list_gather": "tests/engine/ops/test_lists.py",
    "list_length": "tests/engine/ops/test_lists.py",
    "list_read": "tests/engine/ops/test_lists.py",
    "list_scatter": "tests/engine/ops/test_lists.py",
    "list_write": "tests/engine/ops/test_lists.py",
    "make_list": "tests/engine/ops/test_lists.py",
    "random_bernoulli": "tests/engine/ops/test_random.py",
    "random_categorical": "tests/engine/ops/test_random.py",
    "random_normal": "tests/engine/ops/test_random.py",
    "random_uniform": "tests/engine/ops/test_random.py",
    "read_state": "tests/engine/ops/test_states.py",
    "write_state": "tests/engine/ops/test_states.py",
}
"""Ops that no oracle can predict or no array can carry, and the file that tests them."""

NOT_DIFFERENTIABLE: Mapping[str, str] = {}
"""Ops with a floating result whose gradient is not asked for, and why."""

CONSTANT_INPUTS: Mapping[str, frozenset[str]] = {"batch_norm": frozenset({"mean", "variance"})}
"""Inputs that MIL demands as constants and that PyTorch's kernel gives no gradient for."""


def cases() -> tuple[tuple[str, Case], ...]:
    """Return every case with a readable name."""
    found = []
    for family in FAMILIES:
        for index, case in enumerate(importlib.import_module(f"tests.cases.{family}").CASES):
            note = f"-{case.note}" if case.note else ""
            found.append((f"{case.op}-{family}{index}{note}".replace(" ", "_"), case))
    return tuple(found)


def oracles() -> dict[str, Callable[..., object]]:
    """Return every oracle by the name of its op."""
    found: dict[str, Callable[..., object]] = {}
    for family in FAMILIES:
        found |= importlib.import_module(f"tests.oracles.{family}").ORACLES
    return found
