"""Files with one graph for each length: which graph a sample runs on, and what the file takes altogether."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Protocol, TypedDict

import numpy as np

from mlparity.core.session import Sample, TensorSpec

Shapes = frozenset[tuple[str, tuple[int, ...]]]
"""The shape of each input by its name."""


class Detail(TypedDict):
    """What the interpreter tells of one tensor. Source: its `get_input_details` docstring."""

    name: str
    index: int
    shape: np.ndarray
    shape_signature: np.ndarray
    quantization: tuple[float, int]
    dtype: type[np.generic]


class Runner(Protocol):
    """One graph of a file, under the names of its signature."""

    def __call__(self, **inputs: np.ndarray) -> Mapping[str, np.ndarray]:
        """Return the outputs by name."""
        ...

    def get_input_details(self) -> Mapping[str, Detail]:
        """Return the inputs by name."""
        ...

    def get_output_details(self) -> Mapping[str, Detail]:
        """Return the outputs by name."""
        ...


class Interpreter(Protocol):
    """What is asked of LiteRT's interpreter here."""

    def get_signature_list(self) -> Mapping[str, object]:
        """Return the signatures by their keys."""
        ...

    def get_signature_runner(self, signature_key: str) -> Runner:
        """Return the graph of a signature."""
        ...


def graphs_of(interpreter: Interpreter) -> dict[Shapes, Runner]:
    """Return the graphs by the shapes that they take; none where the file has one, or graphs of other purposes.

    Graphs for other lengths have the same inputs and outputs by name.
    """
    runners = [interpreter.get_signature_runner(key) for key in interpreter.get_signature_list()]
    names = {(frozenset(each.get_input_details()), frozenset(each.get_output_details())) for each in runners}
    if len(runners) < 2 or len(names) != 1:
        return {}
    found = {_shapes(runner.get_input_details()): runner for runner in runners}
    return found if len(found) == len(runners) else {}


def graph_for(graphs: Mapping[Shapes, Runner], sample: Sample) -> Runner | None:
    """Return the graph that takes these shapes, None where there is none."""
    return graphs.get(frozenset((name, array.shape) for name, array in sample.items()))


def joined(specs: Iterable[TensorSpec], details: Iterable[Mapping[str, Detail]]) -> tuple[TensorSpec, ...]:
    """Return the specs of one graph with a flexible dimension where the graphs differ."""
    every = list(details)
    return tuple(
        TensorSpec(spec.name, _common([tuple(map(int, each[spec.name]["shape"])) for each in every]), spec.dtype)
        for spec in specs
    )


def _common(shapes: list[tuple[int, ...]]) -> tuple[int | None, ...] | None:
    if len({len(shape) for shape in shapes}) != 1:
        return None
    return tuple(sizes[0] if len(set(sizes)) == 1 else None for sizes in zip(*shapes, strict=True))


def _shapes(details: Mapping[str, Detail]) -> Shapes:
    return frozenset((name, tuple(map(int, detail["shape"]))) for name, detail in details.items())
