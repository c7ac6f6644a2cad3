"""A mode sees every op, and PyTorch's compiler is loaded by it no more than it compiles its ops."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping, Sequence
from typing import Any

import pytest
import torch

from mlparity.sessions.torch_dispatch import OpMode

CODE = """
import sys, torch
from mlparity.sessions.torch_dispatch import OpMode
with OpMode(), torch.no_grad():
    torch.nn.Linear(2, 3)(torch.ones(1, 2))
print("torch._dynamo" in sys.modules)
"""


class Counting(OpMode):
    def __init__(self) -> None:
        super().__init__()
        self.names: list[str] = []

    def run_op(self, func: Any, args: Sequence[Any], named: Mapping[str, Any]) -> Any:
        self.names.append(func._schema.name)
        return super().run_op(func, args, named)


def test_the_compiler_is_not_loaded() -> None:
    done = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


@pytest.mark.parametrize("is_compiled", [False, True])
def test_every_op_is_seen(*, is_compiled: bool) -> None:
    def add_twice(x: torch.Tensor) -> torch.Tensor:
        return torch.add(torch.add(x, 1), 2)

    run = torch.compile(add_twice, backend="eager") if is_compiled else add_twice
    with Counting() as mode, torch.no_grad():
        result = run(torch.zeros(2))
    assert result.tolist() == [3.0, 3.0]
    assert mode.names.count("aten::add") == 2
