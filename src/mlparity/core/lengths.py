"""The lengths that the inputs of a model take: which dimensions vary, between which bounds, and which vary together."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from mlparity.core.session import Sample


@dataclass(frozen=True, slots=True)
class FlexibleDim:
    """Lets a dimension vary between two bounds, which are included; dimensions of the same `symbol` are equal."""

    lower: int
    upper: int
    symbol: str = ""

    def symbol_of(self, name: str, axis: int) -> str:
        """Return the symbol of this dimension of an input; a name of its own where none was given."""
        return self.symbol if self.symbol else f"{name}_{axis}"


Flexible = Mapping[str, Mapping[int, FlexibleDim]]
"""By input name and axis, the dimensions that vary."""

FIXED: Flexible = MappingProxyType({})
"""No dimension varies."""


Shapes = Mapping[str, tuple[int, ...]]
"""The shape of each input by its name."""


def shapes_of(samples: Iterable[Sample]) -> tuple[Shapes, ...]:
    """Return the shapes that samples have, each set of them once, in the order in which they come."""
    found = {tuple((name, array.shape) for name, array in sample.items()): None for sample in samples}
    return tuple(dict(shapes) for shapes in found)


def lengths_of(samples: Iterable[Sample]) -> Flexible:
    """Return the dimensions that differ between samples; those that always have one size share a symbol.

    An input that some samples lack, or have in another rank, is left out: samples are checked where they are run.
    """
    shapes = [{name: array.shape for name, array in sample.items()} for sample in samples]
    alike = [name for name in (shapes[0] if shapes else {}) if len({len(each.get(name, ())) for each in shapes}) == 1]
    found: dict[str, dict[int, FlexibleDim]] = {}
    symbols: dict[tuple[int, ...], str] = {}
    for name in alike:
        for axis in range(len(shapes[0][name])):
            sizes = tuple(shape[name][axis] for shape in shapes)
            if len(set(sizes)) > 1:
                symbol = symbols.setdefault(sizes, f"{name}_{axis}")
                found.setdefault(name, {})[axis] = FlexibleDim(min(sizes), max(sizes), symbol)
    return found
