"""Fourier transforms of exported programs, which leave out arguments that have their defaults."""

from __future__ import annotations

from typing import Any

from coremltools.converters.mil import Builder as mb  # noqa: N813 - the name that coremltools' documents use

from mlparity.targets.coreml.lowerings.call import Call, lowering

_OF_ONE_AXIS = ("fft_fft", "fft_ifft", "fft_rfft", "fft_irfft")
_OF_MORE_AXES = ("fft_fftn", "fft_ifftn", "fft_rfftn", "fft_irfftn")


@lowering(" ".join(_OF_ONE_AXIS), "self n dim norm", replaces=True)
def transform(call: Call) -> Any:
    """Lower a transform along one axis by coremltools' own dialect; its own lowering wants every argument."""
    build = getattr(mb, call.node.kind.replace("fft_", "complex_"))
    dim = -1 if call.optional("dim") is None else call.optional("dim")
    return build(data=call.tensor("self"), n=call.optional("n"), dim=dim, norm=_norm(call))


@lowering(" ".join(_OF_MORE_AXES), "self s dim norm", replaces=True)
def transform_of_more_axes(call: Call) -> Any:
    """Lower a transform along several axes likewise."""
    build = getattr(mb, call.node.kind.replace("fft_", "complex_"))
    return build(data=call.tensor("self"), shapes=call.optional("s"), dims=call.optional("dim"), norm=_norm(call))


def _norm(call: Call) -> Any:
    norm = call.text("norm", "")
    return mb.const(val=norm) if norm else None
