"""The ways to compress weights that coremltools has, by their names in a setting."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from mlparity.core.errors import InputError
from mlparity.targets.coreml.options import LOWEST_TARGET
from mlparity.targets.coreml.palettes import palette

_NEWER = "iOS18"
"""The first with blocks, with four bits in a scale, and with tables of eight entries.

Source: https://apple.github.io/coremltools/docs-guides/source/opt-overview.html
"""


@dataclass(frozen=True, slots=True)
class Method:
    """A function of `coremltools.optimize.coreml`, the class of its configuration, and what that is given.

    `palette_bits` is the size of a palette, 0 where there is none. `target` is the oldest deployment target.
    """

    function: str
    config: str
    options: Mapping[str, object]
    target: str = LOWEST_TARGET
    palette_bits: int = 0

    def configuration(self, cto: Any) -> Any:
        """Return the configuration of one op."""
        given = dict(self.options)
        if self.palette_bits:
            given |= {"mode": "custom", "lut_function": partial(palette, bits=self.palette_bits)}
        return getattr(cto, self.config)(**given)


def _linear(dtype: str, target: str, **options: object) -> Method:
    given = {"mode": "linear_symmetric", "dtype": dtype, **options}
    return Method("linear_quantize_weights", "OpLinearQuantizerConfig", given, target)


def _palettes(bits: str, group: str | None) -> Method:
    grouped = {} if group is None else {"granularity": "per_grouped_channel", "group_size": int(group)}
    target = _NEWER if grouped or bits == "3" else LOWEST_TARGET
    return Method("palettize_weights", "OpPalettizerConfig", grouped, target, int(bits))


def _pruned(percent: str) -> Method:
    return Method("prune_weights", "OpMagnitudePrunerConfig", {"target_sparsity": int(percent) / 100})


def _in_blocks(bits: str, size: str) -> Method:
    return _linear(f"int{bits}", _NEWER, granularity="per_block", block_size=int(size))


_WAYS: tuple[tuple[str, Callable[..., Method]], ...] = (
    ("int8", lambda: _linear("int8", LOWEST_TARGET)),
    ("int4", lambda: _linear("int4", _NEWER)),
    (r"int([48])-block([1-9]\d{0,3})", _in_blocks),
    (r"palettize([123468])(?:-group([1-9]\d{0,3}))?", _palettes),
    (r"prune([1-9]\d?)", _pruned),
)
"""Each compression by its name; what stands in brackets is a number of it."""

USUAL = (
    *("int8", "int4", "int4-block32"),
    *(f"palettize{bits}" for bits in (1, 2, 3, 4, 6, 8)),
    *("prune50", "prune75"),
)


KNOWN = re.compile("|".join(pattern for pattern, _ in _WAYS))
"""Holds for the name of each."""


def method_of(name: str) -> Method:
    """Return the compression of that name.

    Raises:
        InputError: there is none.
    """
    for pattern, method in _WAYS:
        found = re.fullmatch(pattern, name)
        if found is not None:
            return method(*found.groups())
    raise InputError("no such compression", found=name, expected=", ".join(USUAL))
