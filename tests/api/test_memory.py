"""Memory does not grow with the number of samples: seen from within a run, sample by sample."""

from __future__ import annotations

import gc
import sys
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from torch import nn

from mlparity import api
from mlparity.targets.table import settings_from
from mlparity.verification.options import VerifyOptions

WARM, COUNT = 30, 130
# The names of the samples are kept, up to a thousand (about 70 bytes each), and caches of torch still fill.
# One kept output would be 4 KiB, and a tensor or an array more.
BYTES_A_SAMPLE = 500


# Python keeps the attributes that it looked up last, with their names: at most 4096. torch makes the names of those
# that it asks for anew with each call, so that this cache fills while samples are run: some 100 KB, and then no more.
clear_caches = getattr(sys, "_clear_internal_caches", None) or sys._clear_type_cache


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.line = nn.Linear(16, 1024)

    def forward(self, x: torch.Tensor) -> dict[str, torch.Tensor]:
        y = self.line(x)
        return {"logits": y, "other": torch.tanh(y)[None]}


class Samples:
    description, warning = "many samples", ""

    def __len__(self) -> int:
        return COUNT

    def __iter__(self) -> Iterator[tuple[str, dict[str, np.ndarray]]]:
        for number in range(COUNT):
            x = np.random.default_rng(number).standard_normal((1, 16)).astype(np.float32)
            yield f"sample {number}", {"x": x}


def test_a_sample_more_keeps_its_name_and_nothing_else(tmp_path: Path) -> None:
    seen: dict[int, int] = {}
    alive: dict[int, int] = {}

    def watch(stage: str, done: int, _: int) -> None:
        if stage == "compare" and done == 0:
            tracemalloc.start()
        elif stage == "compare" and done in (WARM, COUNT - 1):
            clear_caches()
            gc.collect()
            seen[done] = tracemalloc.get_traced_memory()[0]
            alive[done] = sum(type(each) is torch.Tensor for each in gc.get_objects())
        if done == COUNT - 1:
            tracemalloc.stop()  # what comes after the comparison is slow while it is traced

    options = VerifyOptions(settings_from(["fp16/CPU_ONLY", "litert/fp32"]), checkpoint_s=3600.0)
    try:
        record = api.verify(Net().eval(), tmp_path / "out", Samples(), "task", options, watch)
    finally:
        tracemalloc.stop()
    assert record.samples.count == COUNT
    assert alive[COUNT - 1] <= alive[WARM]
    assert seen[COUNT - 1] - seen[WARM] < (COUNT - 1 - WARM) * BYTES_A_SAMPLE
