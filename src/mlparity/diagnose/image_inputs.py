"""What an image input makes of a pixel, beside what the source makes of it: scale, bias and the order of channels.

Both sides are followed as long as they only scale and shift the pixels of a channel. With the source's numbers in the
artifact at that place the difference has to vanish.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from mlparity.core.trace import SourceTrace
from mlparity.diagnose.distance import Tensors, distance, removed
from mlparity.diagnose.substitution import outputs_of, run_with_values, values_of
from mlparity.engine.runtime.plan import Plan, Store
from mlparity.record.causes import Cause, CauseKind, Evidence, Observation

Doubles = NDArray[np.float64]

_EXACT = 1e-4
"""How far values may lie from `scale * pixel + bias`, of their own range: fp16 rounds them (assumed)."""

_WHITE = 255.0

_ALIKE = 1e-3
"""How far two scales or biases may differ that are taken for the same (assumed)."""


@dataclass(frozen=True, slots=True, eq=False)
class Affine:
    """`scale * pixel + bias` for each channel that the network takes; `channels` are the picture's, in RGB order."""

    scale: Doubles
    bias: Doubles
    channels: tuple[int, ...]

    def is_like(self, other: Affine) -> bool:
        """Tell whether both make the same of a pixel."""
        return self.channels == other.channels and self.has_numbers_of(other)

    def has_numbers_of(self, other: Affine) -> bool:
        """Tell whether scale and bias are the same, for each channel of the picture or for each of the network."""
        pairs = ((self._by_channel(), other._by_channel()), (self._by_place(), other._by_place()))
        return any(_near(own, theirs) for own, theirs in pairs)

    def _by_place(self) -> Doubles:
        return np.stack([self.scale, self.bias], 1)

    def _by_channel(self) -> Doubles:
        order = np.argsort(self.channels)
        return np.stack([self.scale[order], self.bias[order]], 1)

    def text(self) -> str:
        """Print `scale 0.0174, bias -2.118`, each for red, green and blue where they differ."""
        scales, biases = self._by_channel().T
        return f"scale {_shown(scales)}, bias {_shown(biases)}"

    def order(self) -> str:
        """Print the order in which the network takes the channels."""
        return "RGB" if self.channels == tuple(sorted(self.channels)) else "BGR"


def _near(own: Doubles, theirs: Doubles) -> bool:
    size = float(np.abs(theirs[:, 0] * _WHITE).max())
    return bool(np.allclose(own * [_WHITE, 1], theirs * [_WHITE, 1], rtol=_ALIKE, atol=_ALIKE * size))


@dataclass(frozen=True, slots=True, eq=False)
class ImageFault:
    """An image input, what both sides make of its pixels, and the part that goes away with the source's numbers.

    `inputs` are all inputs, with pixels of which the artifact makes what the source makes of the given ones.
    """

    input: str
    ours: Affine
    theirs: Affine
    removed: float
    inputs: Tensors


def image_fault(plan: Plan, inputs: Tensors, trace: SourceTrace, expected: Tensors) -> ImageFault | None:
    """Return the image input of whose pixels the artifact and the source make different numbers; None without one."""
    images = {feature.name: feature.image for feature in plan.interface.inputs if feature.image is not None}
    values = values_of(plan, inputs)
    for name, image in images.items():
        if name not in plan.inputs or image is None:
            continue
        pixels = _array(inputs[name])
        if image.color == "BGR":
            pixels = pixels[:, ::-1]
        found = _fault(plan, name, pixels, values, trace)
        if found is not None:
            slot, given, ours, theirs = found
            before = distance(outputs_of(plan, values), expected)
            after = distance(outputs_of(plan, _run_with(plan, values, slot, given)), expected)
            gone = removed(min(before, 1.0), after)
            corrected = _corrected(pixels, ours, theirs)
            stored = corrected[:, ::-1] if image.color == "BGR" else corrected
            held = inputs[name]
            other = torch.from_numpy(np.ascontiguousarray(stored)).to(held.dtype).reshape(held.shape)
            return ImageFault(name, ours, theirs, gone, {**inputs, name: other})
    return None


def _corrected(pixels: Doubles, ours: Affine, theirs: Affine) -> Doubles:
    """Return pixels, in RGB order, of which the artifact makes what the source makes of these."""
    made = np.empty_like(pixels)
    for place, (own, other) in enumerate(zip(ours.channels, theirs.channels, strict=True)):
        wanted = theirs.scale[place] * pixels[:, other] + theirs.bias[place]
        made[:, own] = (wanted - ours.bias[place]) / ours.scale[place]
    return made


def cause_of_image(fault: ImageFault, difference: float, *, is_alone: bool = True) -> Cause:
    """Return an image input's fault as a cause: the numbers of both sides, the order of channels where that differs.

    Where it is not alone, no part of the difference is told, since another cause hides it.
    """
    figures = {"removed": fault.removed, "difference": difference} if is_alone else {}
    ours, theirs = fault.ours, fault.theirs
    orders = {"input": fault.input, "ours": ours.order(), "theirs": theirs.order()}
    channels = Observation.IMAGE_CHANNELS if is_alone else Observation.IMAGE_CHANNELS_TOO
    if ours.has_numbers_of(theirs):
        return Cause(CauseKind.PREPROCESSING, (Evidence(channels, figures, orders),))
    names = {"input": fault.input, "ours": ours.text(), "theirs": theirs.text()}
    numbers = Evidence(Observation.IMAGE_INPUT if is_alone else Observation.IMAGE_INPUT_TOO, figures, names)
    # One run with the source's values shows both: its figure is told once.
    also = () if ours.channels == theirs.channels else (Evidence(Observation.IMAGE_CHANNELS_TOO, {}, orders),)
    return Cause(CauseKind.PREPROCESSING, (*also, numbers))


def _fault(
    plan: Plan, name: str, pixels: Doubles, values: Mapping[int, object], trace: SourceTrace
) -> tuple[int, Tensor, Affine, Affine] | None:
    """Return where both sides' numbers differ: the slot, the source's value for it, and what each makes of a pixel."""
    ours = _last_of_plan(plan, plan.inputs[name][0], pixels, values)
    theirs = _last_of_source(trace, pixels)
    if ours is None or theirs is None or ours[1].is_like(theirs[1]):
        return None
    slot, own = ours
    wanted, other = theirs
    held = values[slot]
    if not isinstance(held, Tensor) or held.numel() != wanted.size:
        return None
    given = torch.from_numpy(np.ascontiguousarray(wanted)).to(held.dtype).reshape(held.shape)
    return slot, given, own, other


def _run_with(plan: Plan, values: Mapping[int, object], slot: int, given: Tensor) -> Mapping[int, object]:
    """Run with another value in a slot; one that no step makes is an input."""
    if any(store.slot == slot for step in plan.steps for store in step.stores):
        return run_with_values(plan, values, {slot: given})
    names = {place: name for name, (place, _) in plan.inputs.items()}
    inputs = {name: value for place, name in names.items() if isinstance(value := values[place], Tensor)}
    return values_of(plan, {**inputs, names[slot]: given})


def _last_of_plan(plan: Plan, first: int, pixels: Doubles, values: Mapping[int, object]) -> tuple[int, Affine] | None:
    """Return the last slot on the way from an input that only scales and shifts its pixels."""
    last, reached = first, {first}
    best: tuple[int, Affine] | None = None
    for slot in (first, *(store.slot for step in _following(plan, reached) for store in step)):
        value = values.get(slot)
        affine = affine_of(_array(value), pixels) if isinstance(value, Tensor) else None
        if affine is not None:
            last, best = slot, (slot, affine)
        elif slot != last:
            break
    return best


def _following(plan: Plan, reached: set[int]) -> Iterator[Sequence[Store]]:
    for step in plan.steps:
        if reached & {slot for feed in step.feeds for slot in feed.slots}:
            yield step.stores
            reached |= {store.slot for store in step.stores}


def _last_of_source(trace: SourceTrace, pixels: Doubles) -> tuple[Doubles, Affine] | None:
    """Return the last value of the source that only scales and shifts the pixels."""
    given = (array for _, _, array in trace.inputs)
    made = (array for op in trace.ops for _, array in op.results)
    best: tuple[Doubles, Affine] | None = None
    for array in (*given, *made):
        if array.size == pixels.size and array.dtype.kind == "f":
            affine = affine_of(array.astype(np.float64), pixels)
            best = best if affine is None else (array.astype(np.float64).reshape(pixels.shape), affine)
    return best


def affine_of(values: Doubles, pixels: Doubles) -> Affine | None:
    """Return the scale and bias for each channel that make `values` of `pixels`, None where none do.

    Shape: both (1, channels, height, width), or as many elements. The channels stay in order where they may.
    """
    if values.size != pixels.size or pixels.ndim != 4:
        return None
    rows, sources = values.reshape(pixels.shape[1], -1), pixels.reshape(pixels.shape[1], -1)
    for channels in dict.fromkeys((tuple(range(len(rows))), tuple(reversed(range(len(rows)))))):
        fits = [_fit(row, sources[channel]) for row, channel in zip(rows, channels, strict=True)]
        if all(fit is not None for fit in fits):
            numbers = np.array(fits, np.float64)
            return Affine(numbers[:, 0], numbers[:, 1], channels)
    return None


def _fit(values: Doubles, pixels: Doubles) -> tuple[float, float] | None:
    spread = pixels - pixels.mean()
    square = float(spread @ spread)
    if not square or not np.isfinite(values).all():
        return None
    scale = float(spread @ values) / square
    bias = float(values.mean() - scale * pixels.mean())
    gap = float(np.abs(scale * pixels + bias - values).max())
    width = float(np.ptp(values))
    return (scale, bias) if scale and gap <= _EXACT * max(width, 1e-12) else None


def _shown(numbers: Doubles) -> str:
    shown = [f"{0.0 if abs(number) < 1e-9 else number:.5g}" for number in numbers]
    return shown[0] if len(set(shown)) == 1 else f"({', '.join(shown)})"


def _array(value: Tensor) -> Doubles:
    return value.detach().cpu().double().numpy()
