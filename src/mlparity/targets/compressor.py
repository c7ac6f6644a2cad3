"""What a target can do to the weights of its artifacts: named compressions, and a user's own function."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from mlparity.core.session import Sample
from mlparity.core.words import Precision

OwnCompression = Callable[[object], object]
"""A user's function from the converter's model to a compressed one."""


@dataclass(frozen=True, slots=True)
class Compression:
    """How weights are stored: the name as a setting has it, and the user's function where it is one of theirs.

    A function is given as `module:function`, or itself.
    """

    name: str
    function: str | OwnCompression | None = None


@dataclass(frozen=True, slots=True, eq=False)
class CompressionRequest:
    """An artifact whose weights are compressed into a new one at `path`; `samples` are for what has to be calibrated.

    `input_names` are the source's, in the order of the artifact's inputs.
    """

    base: Path
    path: Path
    compression: Compression
    samples: Sequence[Sample] = ()
    input_names: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Compressor:
    """How a target compresses.

    `names` are the usual compressions, and `pattern` holds for every name that there is. `precisions` are those of the
    artifacts that are compressed. `base_target` returns the deployment target for which an artifact has to be
    converted beforehand, from the one that was asked for; it raises where that is too old. `compress` returns what it
    did, for the record.
    """

    names: tuple[str, ...]
    pattern: re.Pattern[str]
    precisions: tuple[Precision, ...]
    base_target: Callable[[Compression, str | None], str | None]
    compress: Callable[[CompressionRequest], Mapping[str, str]]
    takes_functions: bool = False

    def knows(self, compression: Compression) -> bool:
        """Return whether there is such a compression here."""
        return self.takes_functions if compression.function is not None else self.has(compression.name)

    def has(self, name: str) -> bool:
        """Return whether there is a compression of that name."""
        return self.pattern.fullmatch(name) is not None
