"""Lowerings of PyTorch ops that coremltools 9.0 lacks, or gets wrong; `register` hands them to coremltools."""

from mlparity.targets.coreml.lowerings.registration import register

__all__ = ["register"]
