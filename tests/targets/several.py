"""Many functions of one input as one module, so that one conversion tries them all."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor, nn

from mlparity.engine.numerics import FP32
from mlparity.engine.reading import read_program
from mlparity.engine.runtime.bind import bind
from mlparity.engine.runtime.model import Model
from mlparity.targets.coreml.convert import CoremlOptions, Frontend
from tests.engine.runtime.programs import as_array
from tests.targets.parity import parity_of


class Several(nn.Module):
    """A module whose outputs are `functions` of its one input; one that returns several has as many."""

    def __init__(self, functions: Sequence[Callable[[Tensor], Any]]) -> None:
        super().__init__()
        self.functions = functions
        self.modules_among_them = nn.ModuleList(each for each in functions if isinstance(each, nn.Module))

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        results: list[Tensor] = []
        for function in self.functions:
            result = function(x)
            results.extend(result if isinstance(result, tuple) else (result,))
        return tuple(results)


def converted_agrees(
    functions: Sequence[Callable[[Tensor], Any]], x: np.ndarray, frontend: Frontend, folder: Path
) -> None:
    """Fail unless each function, converted to fp32, gives what PyTorch gives, by optimised and by plain steps."""
    parity = parity_of(Several(functions).eval(), {"x": x}, folder, CoremlOptions(frontends=(frontend,)))
    assert parity.excess <= 1, parity
    program = read_program(folder / "model.mlpackage")
    fast, plain = (Model(bind(program, FP32, kernels=kernels)).predict({"x": x}) for kernels in (True, False))
    for name, values in fast.items():
        np.testing.assert_allclose(as_array(values), as_array(plain[name]), rtol=1e-6, atol=1e-6)
