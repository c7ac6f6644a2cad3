"""Keeps PyTorch's attention modules to plain ops while they are converted, with the numbers of their fast path.

In inference these modules call fused ops (`_native_multi_head_attention`, `_transformer_encoder_layer_fwd`) and
nested tensors, which no converter knows. The plain ops give the same numbers but at padded positions: there the fast
path of `nn.TransformerEncoder` leaves zeros.

Source: torch/nn/modules/transformer.py, `TransformerEncoder.forward`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import torch
from torch import Tensor, nn


@contextmanager
def plain_attention(module: nn.Module) -> Iterator[None]:
    """Switch the fast path off inside the `with` block, and let encoders write the zeros that it leaves."""
    fast = torch.backends.mha.get_fastpath_enabled()
    with ExitStack() as stack:
        if fast:
            for encoder in module.modules():
                if isinstance(encoder, nn.TransformerEncoder) and _takes_nested_tensors(encoder):
                    _write_zeros(encoder, stack)
        stack.callback(torch.backends.mha.set_fastpath_enabled, fast)
        torch.backends.mha.set_fastpath_enabled(False)
        yield


def _takes_nested_tensors(encoder: nn.TransformerEncoder) -> bool:
    return bool(getattr(encoder, "use_nested_tensor", False)) and not encoder.layers[0].training


def _write_zeros(encoder: nn.TransformerEncoder, stack: ExitStack) -> None:
    """Write zeros behind the last layer: the encoder's own norm comes after them."""
    checks = getattr(encoder, "mask_check", True)
    padded: list[Tensor | None] = [None]

    def before(_module: nn.Module, args: tuple[Any, ...], named: dict[str, Any]) -> None:
        given = dict(zip(("src", "mask", "src_key_padding_mask"), args, strict=False)) | named
        mask, source = given.get("src_key_padding_mask"), given["src"]
        applies = given.get("mask") is None and source.dim() == 3
        padded[0] = _padded(mask, checks) if applies and mask is not None else None

    def after(_layer: nn.Module, _args: tuple[Any, ...], output: Tensor) -> Tensor:
        return output if padded[0] is None else output.masked_fill(padded[0].unsqueeze(-1), 0.0)

    last: nn.Module = encoder.layers[-1]
    remove: tuple[Callable[[], None], ...] = (
        encoder.register_forward_pre_hook(before, with_kwargs=True).remove,
        last.register_forward_hook(after).remove,
    )
    for undo in remove:
        stack.callback(undo)


def _padded(mask: Tensor, checks: bool) -> Tensor:
    """Return where zeros are left: at padded positions, with `checks` only if all of them are at their row's end."""
    padded = mask if mask.dtype is torch.bool else mask != 0
    if not checks or padded.shape[1] < 2:
        return padded
    number = padded.to(torch.float32)
    breaks = (number[:, 1:] < number[:, :-1]).to(torch.float32).sum()
    return padded & (breaks == 0)
