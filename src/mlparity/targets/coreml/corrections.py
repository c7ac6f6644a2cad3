"""Corrects, while a conversion runs, three functions of coremltools 9.0 that no registration reaches."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import numpy as np
from coremltools.converters.mil import Builder as mb  # noqa: N813 - the name that coremltools' documents use
from coremltools.converters.mil.frontend import _utils
from coremltools.converters.mil.frontend.torch import ops
from coremltools.converters.mil.mil import types
from coremltools.converters.mil.mil.passes.defs import lower_complex_dialect_ops

from mlparity.targets.coreml.result_types import with_declared_types

_gather_of_coremltools = _utils._construct_gather_op
_dft_of_coremltools = lower_complex_dialect_ops._calculate_dft_matrix


@contextmanager
def corrected() -> Iterator[None]:
    """Replace coremltools' own functions by the corrected ones inside the `with` block."""
    with ExitStack() as stack:
        for module, name, own in (
            (_utils, "_construct_gather_op", _gather),
            (lower_complex_dialect_ops, "_calculate_dft_matrix", _dft_matrix),
            (ops, "convert_single_node", with_declared_types(ops.convert_single_node)),
        ):
            stack.callback(setattr, module, name, getattr(module, name))
            setattr(module, name, own)
        yield


def _gather(op_type: str, x: Any, indices: Any, axis: Any = None, name: str | None = None) -> Any:
    """Gather truth values as int32: coremltools carries them in fp16, also in a program that is to be fp32."""
    if x.dtype != types.bool:
        return _gather_of_coremltools(op_type, x, indices, axis, name)
    gathered = _gather_of_coremltools(op_type, mb.cast(x=x, dtype="int32"), indices, axis)
    return mb.cast(x=gathered, dtype="bool") if name is None else mb.cast(x=gathered, dtype="bool", name=name)


def _dft_matrix(n_fft: Any, onesided: bool = False) -> tuple[Any, Any]:
    """Return cosines and sines of a Fourier transform, rounded once.

    coremltools multiplies the angles out in fp32: at 1024 points they reach 6,000, and are 4e-4 off.
    """
    if n_fft.val is None:
        exact: tuple[Any, Any] = _dft_of_coremltools(n_fft, onesided)
        return exact
    size = int(n_fft.val)
    turns = np.outer(np.arange(size // 2 + 1 if onesided else size), np.arange(size)) % size
    angles = 2 * np.pi * turns / size
    return mb.const(val=np.cos(angles).astype(np.float32)), mb.const(val=np.sin(angles).astype(np.float32))
