"""What tells the artifacts of a verification apart."""

from __future__ import annotations

from typing import NamedTuple

from mlparity.core.words import Precision, Setting


class Stored(NamedTuple):
    """A target, a precision, how the weights are stored, "" where they are not compressed, and a deployment target."""

    target: str
    precision: Precision
    compression: str = ""
    deployment: str = ""

    @property
    def base(self) -> Stored:
        """The artifact that it is made of, where it is compressed."""
        return self._replace(compression="")

    def __str__(self) -> str:
        """Print `coreml/fp16+palettize4@iOS18`."""
        marks = zip("+@", (self.compression, self.deployment), strict=True)
        return f"{self.target}/{self.precision}{''.join(f'{mark}{name}' for mark, name in marks if name)}"


def stored_as(setting: Setting) -> Stored:
    """Return what artifact a setting runs."""
    return Stored(setting.target, setting.precision, setting.compression, setting.deployment)
