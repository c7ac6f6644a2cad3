"""Greatest errors of functions on the engine, against its tables, over every fp16 number of the stated range."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F

from mlparity.engine.numerics.unit_profiles import UnitProfile
from tests.evidence.corner_cases import run
from tests.evidence.tables import rows_of, unit_profile_of

CSV = Path(__file__).with_name("unary_error.csv")
COLUMNS = ("chip", "unit", "op", "domain", "max_abs_err")
WITHIN = 0.1

EXACT: Mapping[str, Callable[[torch.Tensor], torch.Tensor]] = {
    "sigmoid": torch.sigmoid,
    "tanh": torch.tanh,
    "erf": torch.erf,
    "exp": torch.exp,
    "log": torch.log,
    "sqrt": torch.sqrt,
    "rsqrt": torch.rsqrt,
    "inverse": torch.reciprocal,
    "sin": torch.sin,
    "silu": F.silu,
    "gelu": F.gelu,
    "gelu(EXACT)": F.gelu,
    "gelu(TANH_APPROXIMATION)": lambda x: F.gelu(x, approximate="tanh"),
}


@dataclass(frozen=True)
class Outcome:
    """One row: the unit profile, and its greatest error."""

    row: Mapping[str, str]
    unit_profile: UnitProfile
    found: float

    @property
    def ratio(self) -> float:
        """Return our error over the published one."""
        return self.found / float(self.row["max_abs_err"])

    @property
    def agrees(self) -> bool:
        """Return whether the two errors are within a tenth of each other."""
        return abs(self.ratio - 1) <= WITHIN


def outcomes(path: Path) -> Iterator[Outcome]:
    """Yield the outcome of each row of a range and one number; other rows say single points or bounds."""
    for row in rows_of(path, COLUMNS):
        stated = re.fullmatch(r"(?:linear|geom) (\S+)\.\.(\S+)", row["domain"])
        if stated is None or row["op"] not in EXACT or not row["max_abs_err"]:
            continue
        unit_profile = unit_profile_of(row)
        yield Outcome(row, unit_profile, _greatest(row["op"], unit_profile, _number(stated[1]), _number(stated[2])))


def _number(said: str) -> float:
    base, _, power = said.partition("^")
    return float(base) ** float(power) if power else float(base)


def _greatest(name: str, unit_profile: UnitProfile, low: float, high: float) -> float:
    numbers = np.arange(1 << 16).astype(np.uint16).view(np.float16)
    x = np.unique(numbers[(numbers >= low) & (numbers <= high)])
    mode = re.search(r"\((\w+)\)", name)
    parameters = {} if mode is None else {"mode": mode[1]}
    found = run(unit_profile, name.partition("(")[0], {"x": x}, **parameters)
    exact = EXACT[name](torch.from_numpy(x.astype(np.float64))).numpy()
    return float(np.abs(found.astype(np.float64) - exact).max())
