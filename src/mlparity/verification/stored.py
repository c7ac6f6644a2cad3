"""What tells the artifacts of a verification apart."""

from __future__ import annotations

from typing import NamedTuple

from mlparity.core.words import Precision, Setting


class Stored(NamedTuple):
    """A target, a precision, and how the weights are stored; "" where they are not compressed."""

    target: str
    precision: Precision
    compression: str = ""

    @property
    def base(self) -> Stored:
        """The artifact that it is made of, where it is compressed."""
        return self._replace(compression="")

    def __str__(self) -> str:
        """Print `coreml/fp16+palettize4`."""
        return f"{self.target}/{self.precision}{f'+{self.compression}' if self.compression else ''}"


def stored_as(setting: Setting) -> Stored:
    """Return what artifact a setting runs."""
    return Stored(setting.target, setting.precision, setting.compression)
