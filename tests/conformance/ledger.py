"""Why tests of coremltools fail here: each row explains the failures that its two patterns match, and no other."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from tests.conformance.results import Result


@dataclass(frozen=True, slots=True)
class Entry:
    """One reason: whose fault it is, which tests and errors it explains (regular expressions), and why."""

    fault: str
    test: str
    error: str
    why: str

    def explains(self, result: Result) -> bool:
        """Return whether the entry is about this failure."""
        return bool(re.search(self.test, result.test) and re.search(self.error, result.reason))


FP16_VALUES = r"float16|fp16|FLOAT16"

LEDGER: Sequence[Entry] = (
    Entry(
        "coremltools' test",
        rf"precision='fp32'.*({FP16_VALUES})",
        r"Not equal to tolerance rtol=1e-05, atol=0\.0001",
        "The test declares values as fp16 and compares at the tolerance for fp32, which is finer than fp16's spacing. "
        "It can pass only where a runtime keeps more than the declared type. "
        "coremltools leaves these variants out unless INCLUDE_MIL_FP32_UNIT_TESTS is set.",
    ),
    Entry(
        "outside of what the engine runs",
        r"",
        r"the model is of type \w+, which the engine does not run",
        "The test converts to a model type that is no ML Program. The engine refuses it by name.",
    ),
    Entry(
        "outside of what the engine runs",
        r"test_load\.py::TestWeightFileSerialization",
        r"\.mlmodelc/model\.mil",
        "The test reads the text that Apple's own compiler writes into a compiled model. Ours copies the package.",
    ),
    Entry(
        "torch version",
        r"",
        r"torchvision::\w+|name 'torchvision' is not defined",
        "The test calls an operator that torchvision's compiled part brings, which does not exist for this PyTorch.",
    ),
)


def explanation(result: Result) -> Entry | None:
    """Return the first entry that explains a failure, None where there is none."""
    return next((entry for entry in LEDGER if entry.explains(result)), None)
