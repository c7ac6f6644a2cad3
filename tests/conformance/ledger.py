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
        r"Not equal to tolerance rtol=1e-05, atol=0\.0001.*Max absolute difference among violations: 0\.00",
        "The test asks for fp16 values and compares at the tolerance for fp32, which is finer than fp16's spacing. Of "
        "44 such models 30 declare their output as fp16, and 13 hold their weights in fp16, so no runtime could pass; "
        "one casts to fp16 in between. Only INCLUDE_MIL_FP32_UNIT_TESTS makes coremltools run these variants.",
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
        r"torchvision::\w+|name 'torchvision' is not defined|Couldn't load custom C\+\+ ops",
        "The test calls an operator that torchvision's compiled part brings, which does not exist for this PyTorch.",
    ),
    Entry(
        "torch version",
        r"test_torch_quantization_ops\.py",
        r"quantized::conv\(qnnpack\): Expected activation data type QUInt8",
        "PyTorch itself does not run the source on this processor; nothing was converted.",
    ),
)


def explanation(result: Result) -> Entry | None:
    """Return the first entry that explains a failure, None where there is none."""
    return next((entry for entry in LEDGER if entry.explains(result)), None)
