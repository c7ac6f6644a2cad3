"""Architectures of transformers, small and with random weights, convert and agree in fp32.

A few that stand for the rest; `python -m benchmarks.architectures` tries them all.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from mlparity.core.errors import ConversionError
from mlparity.targets.coreml.convert import Conversion
from tests.targets.architectures import ARCHITECTURES, build, sample_of
from tests.targets.parity import parity_of

FEW = (
    "bert",
    "deberta-v2",
    "gpt2",
    "llama",
    "mixtral",
    "mamba",
    "t5",
    "fsmt",
    "whisper",
    "wav2vec2",
    "swin",
    "hiera",
    "convnext",
    "bit",
    "dinov2-bicubic",
    "patchtst",
)


def fp16_ops(conversion: Conversion) -> list[str]:
    operations = conversion.model._mil_program.functions["main"].operations
    return [op.name for op in operations for each in op.outputs if getattr(each.dtype, "__name__", "") == "fp16"]


@pytest.mark.parametrize("name", FEW)
def test_an_architecture_converts_and_agrees(name: str, tmp_path: Path) -> None:
    architecture = ARCHITECTURES[name]
    parity = parity_of(build(architecture), sample_of(architecture), tmp_path)
    assert parity.excess <= 1, parity.worst
    assert fp16_ops(parity.conversion) == []


def test_no_two_weights_are_alike() -> None:
    module = build(ARCHITECTURES["convnext"])
    alike = [
        name for name, each in module.named_parameters() if each.numel() > 1 and np.ptp(each.detach().numpy()) == 0
    ]
    assert alike == []


def test_what_cannot_be_converted_is_refused(tmp_path: Path) -> None:
    architecture = ARCHITECTURES["switch"]
    assert architecture.refused
    with pytest.raises(ConversionError, match=r"mlp\.experts"):
        parity_of(build(architecture), sample_of(architecture), tmp_path)
