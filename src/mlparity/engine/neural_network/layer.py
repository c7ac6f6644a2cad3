"""`Layer`: one layer of a network as the functions that lower layers see it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from mlparity.core.errors import MlparityError
from mlparity.engine.neural_network.blob import Blob
from mlparity.engine.neural_network.builder import Builder, Given
from mlparity.engine.neural_network.weights import weights_of

Lowering = Callable[["Layer"], Blob | Sequence[Blob]]
"""What turns a layer into ops, and returns its outputs."""


@dataclass(frozen=True, slots=True)
class Layer:
    """A layer's type, parameters, inputs and how many outputs it has; `builder` takes its ops."""

    kind: str
    params: Any
    inputs: tuple[Blob, ...]
    outputs: int
    builder: Builder

    @property
    def x(self) -> Blob:
        """The first input, as floating numbers.

        Raises:
            FormatError: there is none.
        """
        self.needs(1)
        return self.builder.real(self.inputs[0])

    @property
    def raw(self) -> Blob:
        """The first input in its own type, for layers that only move values.

        Raises:
            FormatError: there is none.
        """
        self.needs(1)
        return self.inputs[0]

    def needs(self, least: int, most: int | None = None) -> None:
        """Check the number of inputs.

        Raises:
            FormatError: fewer, or more where `most` is given.
        """
        count = len(self.inputs)
        if count < least or (most is not None and count > most):
            raise self.builder.fault(f"{count} inputs", expected=f"{least}" if most is None else f"{least} to {most}")

    def emit(self, op: str, **given: Given) -> Blob:
        """Add an op with one result; see `Builder.emit`."""
        return self.builder.emit(op, **given)

    def rank(self, blob: Blob) -> int:
        """Return the number of axes.

        Raises:
            UnsupportedOpError: it is not known before a run.
        """
        if blob.shape is None:
            raise self.builder.refused("needs the rank of its input", "a rank that depends on values")
        return len(blob.shape)

    def axis(self, axis: int, rank: int) -> int:
        """Return an axis counted from 0.

        Raises:
            FormatError: there is no such axis.
        """
        if not -rank <= axis < rank:
            raise self.builder.fault(f"the axis {axis}", expected=f"an axis of a tensor of rank {rank}")
        return axis % rank

    def weight(self, message: Any, shape: Sequence[int], name: str, channel_axis: int = 0) -> Blob:
        """Return a `WeightParams` message as a constant of `shape`.

        Raises:
            FormatError: it holds another number of values.
        """
        return self.builder.weight(self.array(message, shape, channel_axis), name)

    def array(self, message: Any, shape: Sequence[int], channel_axis: int = 0) -> np.ndarray:
        """Return a `WeightParams` message as an array of `shape`.

        Raises:
            FormatError: it holds another number of values.
        """
        try:
            return weights_of(message, tuple(map(int, shape)), channel_axis)
        except ValueError as error:
            raise self.builder.fault("weights that do not fit it", str(error)) from error

    def pair(self, values: Sequence[int], default: int) -> tuple[int, int]:
        """Return two numbers, for height and width, or the default for both where none is given.

        Raises:
            FormatError: another number of them.
        """
        if len(values) not in (0, 2):
            raise self.builder.fault(f"{len(values)} numbers for height and width", expected="2")
        return (int(values[0]), int(values[1])) if len(values) else (default, default)

    def lowered(self, lowering: Lowering) -> tuple[Blob, ...]:
        """Return the outputs as `lowering` makes them.

        Raises:
            FormatError: the layer contradicts itself, or has another number of outputs than its type.
            UnsupportedOpError: the engine does not run it.
        """
        try:
            made = lowering(self)
        except MlparityError:
            raise
        except (ValueError, IndexError, TypeError, OverflowError, KeyError) as error:
            raise self.builder.fault("parameters that do not fit it", f"{type(error).__name__}: {error}") from error
        blobs = (made,) if isinstance(made, Blob) else tuple(made)
        if len(blobs) < self.outputs:
            raise self.builder.fault(f"{self.outputs} outputs", expected=f"{len(blobs)}")
        return blobs[: self.outputs]
