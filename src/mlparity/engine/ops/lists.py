"""MIL's lists of tensors.

Source: coremltools 9.0, `converters/mil/mil/ops/defs/iOS15/control_flow.py`. An element that was never written is zero
where its shape is known, and cannot be read elsewhere: assumed, after TensorFlow's TensorArray.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from mlparity.engine.numerics import Numerics
from mlparity.engine.ops.registry import Rounding, mil_op

MAX_LENGTH = 1 << 20
"""The longest list that is made; a longer one is a corrupt number, not a program (assumed)."""

CHUNK = 1 << 10
"""A write copies one chunk and the row of chunks, so that its cost does not grow with the list."""

Chunk = tuple[Tensor | None, ...]
_BLANK: Chunk = (None,) * CHUNK


@dataclass(frozen=True, slots=True)
class TensorList:
    """A list as a value: writing gives a new list. `None` in a chunk stands for an element that was never written."""

    chunks: tuple[Chunk, ...]
    length: int
    blank: Tensor | None
    is_growing: bool

    def read(self, index: int) -> Tensor:
        """Return the element at `index`.

        Raises:
            IndexError: it lies outside the list.
            ValueError: it was never written and has no known shape.
        """
        if not 0 <= index < self.length:
            raise IndexError(f"index {index} of a list of {self.length} elements")
        element = self.chunks[index // CHUNK][index % CHUNK]
        found = self.blank if element is None else element
        if found is None:
            raise ValueError(f"element {index} of the list was never written, and its shape is open")
        return found

    def written(self, indices: Sequence[int], values: Sequence[Tensor]) -> TensorList:
        """Return the list with `values` at `indices`; a list of dynamic length grows as far as they reach.

        Raises:
            IndexError: an index is negative, or outside a list of fixed length.
        """
        longest = max((index + 1 for index in indices), default=0)
        limit = MAX_LENGTH if self.is_growing else self.length
        if min(indices, default=0) < 0 or longest > limit:
            raise IndexError(f"indices {list(indices)} of a list of {self.length} elements")
        length = max(self.length, longest)
        chunks = [*self.chunks, *_blanks(length)[len(self.chunks) :]]
        opened: dict[int, list[Tensor | None]] = {}
        for index, value in zip(indices, values, strict=True):
            number, inner = divmod(index, CHUNK)
            opened.setdefault(number, list(chunks[number]))[inner] = value
        for number, chunk in opened.items():
            chunks[number] = tuple(chunk)
        return TensorList(tuple(chunks), length, self.blank, self.is_growing)


def _blanks(length: int) -> tuple[Chunk, ...]:
    return (_BLANK,) * -(-length // CHUNK)


_HELD = {"int32": torch.int32, "bool": torch.bool}


@mil_op("make_list", rounding=Rounding.NONE)
def make_list(
    elem_shape: tuple[int | str, ...],
    init_length: int = 1,
    dynamic_length: bool = True,
    dtype: str = "fp32",
    *,
    num: Numerics,
) -> TensorList:
    """Return a list of `init_length` elements that were not written yet; a name in `elem_shape` leaves it open.

    Raises: ValueError if the length is negative or absurd.
    """
    if not 0 <= init_length <= MAX_LENGTH:
        raise ValueError(f"a list of {init_length} elements")
    sizes = [size for size in elem_shape if isinstance(size, int)]
    is_known = len(sizes) == len(elem_shape)
    blank = torch.zeros(()).to(_HELD.get(dtype, num.compute)).expand(sizes) if is_known else None
    return TensorList(_blanks(init_length), init_length, blank, dynamic_length)


@mil_op("list_length", rounding=Rounding.NONE)
def list_length(ls: TensorList) -> Tensor:
    """Return how many elements the list has, as an int32 scalar."""
    return torch.tensor(ls.length, dtype=torch.int32)


@mil_op("list_read", rounding=Rounding.NONE)
def list_read(ls: TensorList, index: int) -> Tensor:
    """Return the element at `index`.

    Raises: IndexError outside the list.
    """
    return ls.read(index)


@mil_op("list_write", rounding=Rounding.NONE)
def list_write(ls: TensorList, index: int, value: Tensor) -> TensorList:
    """Return the list with `value` at `index`; a list of dynamic length grows to hold it.

    Raises: IndexError outside a list of fixed length, or for a negative index.
    """
    return ls.written([index], [value])


@mil_op("list_gather", rounding=Rounding.NONE)
def list_gather(ls: TensorList, indices: tuple[int, ...]) -> Tensor:
    """Return the elements at `indices`, stacked along a new first axis.

    Raises: IndexError outside the list; ValueError for no index at all on a list whose element shape is open.
    """
    if not indices:
        if ls.blank is None:
            raise ValueError("no element of a list whose element shape is open")
        return ls.blank.new_zeros((0, *ls.blank.shape))
    return torch.stack([ls.read(index) for index in indices])


@mil_op("list_scatter", rounding=Rounding.NONE)
def list_scatter(ls: TensorList, indices: tuple[int, ...], value: Tensor) -> TensorList:
    """Return the list with the slices of `value` along its first axis at `indices`; it grows as in `list_write`.

    Raises: IndexError as in `list_write`; ValueError if there is not one slice for each index.
    """
    if len(indices) != value.shape[0]:
        raise ValueError(f"{len(indices)} indices for {value.shape[0]} values")
    return ls.written(indices, value.unbind(0))
