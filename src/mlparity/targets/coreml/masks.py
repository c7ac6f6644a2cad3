"""A pass that keeps the large numbers of attention masks finite in fp16.

```
y = mul(x=masked, y=-3.4028e38)        before: in fp16 the constant is -inf, and 0 * -inf is NaN
y = mul(x=masked, y=-65504)            after
```
"""

from __future__ import annotations

from typing import Any

import numpy as np
from coremltools.converters.mil import Builder as mb  # noqa: N813 - the name that coremltools' documents use
from coremltools.converters.mil.mil.passes.graph_pass import AbstractGraphPass
from coremltools.converters.mil.mil.passes.helper import block_context_manager
from coremltools.converters.mil.mil.passes.pass_registry import register_pass

NAME = "mlparity::keep_masks_finite"

_BEFORE = "common::add_fp16_cast"

_INFINITE_FROM = 1e38
"""From here on coremltools lets a constant become infinite in fp16, and keeps the op in fp32 below.

Source: coremltools 9.0, converters/mil/mil/passes/defs/quantization.py, `fp16_overflow`.
"""

_MASKED_FROM = -1e9
"""Numbers from here down are taken for those that models add where they mean "not here" (-1e9, -1e10, -1e12, -1e30).

Assumed: in fp16 nothing else can come of them. coremltools keeps their own op in fp32 and its result becomes -inf.
"""

_INFINITY_OF_TRACES = np.float32(3.4e38)
"""What coremltools writes for an infinity of a trace. Source: frontend/torch/ops.py, `_construct_constant`."""

_MOST = np.finfo(np.float16).max


@register_pass(namespace="mlparity")
class keep_masks_finite(AbstractGraphPass):  # type: ignore[misc]  # noqa: N801 - coremltools names a pass by its class
    """Replaces constants that fp16 cannot hold by the largest number that it can; infinities stay infinite."""

    def apply(self, prog: Any) -> None:
        """Rewrite every function of a program."""
        for function in prog.functions.values():
            _rewrite(function)


def with_finite_masks(pipeline: Any) -> Any:
    """Return the pipeline with the pass before the one that turns a program into fp16."""
    pipeline.insert_pass(pipeline.passes.index(_BEFORE), NAME)
    return pipeline


@block_context_manager  # type: ignore[untyped-decorator]
def _rewrite(block: Any) -> None:
    for op in list(block.operations):
        for inner in op.blocks:
            _rewrite(inner)
        if op.op_type == "const" and (finite := _finite(op.val.val)) is not None:
            replacement = mb.const(val=finite, before_op=op)
            block.replace_uses_of_var_after_op(anchor_op=op, old_var=op.outputs[0], new_var=replacement)
            block.remove_ops([op])


def _finite(value: Any) -> Any:
    """Return a value with its huge numbers made small, None where it has none."""
    if not isinstance(value, (float, np.ndarray, np.float32)):
        return None
    value = np.asarray(value)
    if value.dtype.kind != "f" or value.dtype.itemsize < 4:
        return None
    size = np.abs(value).astype(np.float32)
    huge = np.isfinite(size) & ((size >= _INFINITE_FROM) | (value <= _MASKED_FROM)) & (size != _INFINITY_OF_TRACES)
    if not huge.any():
        return None
    kept = np.where(huge, np.sign(value) * np.float32(_MOST), value).astype(np.float32)
    return kept if kept.ndim else np.float32(kept.item())
