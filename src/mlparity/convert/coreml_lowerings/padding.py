"""Padding that also takes away."""

from __future__ import annotations

from typing import Any

from coremltools.converters.mil import Builder as mb  # noqa: N813 - the name that coremltools' documents use
from coremltools.converters.mil.frontend.torch.ops import pad as pad_of_coremltools

from mlparity.convert.coreml_lowerings.call import Call, lowering


@lowering("pad", "self pad mode value", replaces=True)
def pad(call: Call) -> Any:
    """Lower `pad`; negative widths cut, where coremltools' own fails. All else is left to coremltools."""
    mode = call.optional("mode")
    mode = getattr(mode, "val", mode)
    return _cut_and_padded(call) if mode in (None, "constant") else pad_of_coremltools(call.context, call.node)


@lowering("constant_pad_nd", "self pad value", replaces=True)
def constant_pad_nd(call: Call) -> Any:
    """Lower `constant_pad_nd` likewise."""
    return _cut_and_padded(call)


def _cut_and_padded(call: Call) -> Any:
    widths = call.arguments["pad"]
    if not hasattr(widths, "val") or widths.val is None or min(widths.val.tolist(), default=0) >= 0:
        return pad_of_coremltools(call.context, call.node)
    x, value = call.tensor("self"), call.constant("value", 0.0)
    pairs = widths.val.reshape(-1, 2)[::-1].tolist()  # PyTorch names the last axis first
    pairs = [[0, 0]] * (x.rank - len(pairs)) + pairs
    begin = [max(-before, 0) for before, _ in pairs]
    end = [min(after, 0) for _, after in pairs]
    x = mb.slice_by_index(x=x, begin=begin, end=end, end_mask=[each == 0 for each in end])
    grown = [max(each, 0) for pair in pairs for each in pair]
    return mb.pad(x=x, pad=grown, mode="constant", constant_val=float(value), name=call.node.name)
