"""A file that somebody named to an artifact of one model: the file itself, or what is taken out of it."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from mlparity.core.errors import FormatError
from mlparity.core.names import checked_name
from mlparity.targets.metadata import sha256_of_file, sha256_of_folder
from mlparity.targets.table import checked_target
from mlparity.targets.target import TakenOut

OTHERS = "other functions of that file"
"""Under what a record tells of models that were left in a file."""


@dataclass(frozen=True, slots=True)
class OneModel:
    """An artifact of one model: `path`, which is that of the file that was named unless the model was taken out of it.

    `function` is the name that the model has in the file, "" where the file holds no other. `others` are left there,
    and `beside` runs around the model there.
    """

    named: Path
    path: Path
    function: str = ""
    others: tuple[str, ...] = ()
    beside: tuple[str, ...] = ()

    @property
    def origin(self) -> dict[str, str]:
        """What a record says of where the artifact comes from; nothing of a file that was taken whole."""
        if self.path == self.named:
            return {}
        told = {"taken from": self.named.name, "sha256 of that file": _sha256(self.named)}
        more = {"function": self.function, OTHERS: ", ".join(self.others)}
        return told | {name: text for name, text in more.items() if text}


@contextmanager
def one_model(path: Path, function: str = "") -> Iterator[OneModel]:
    """Yield the model `function` of the file at `path`, its default one where that is ""; it is there meanwhile.

    Raises:
        FormatError: no artifact, one that cannot be read, or one without such a function.
    """
    target = checked_target(path)
    if target.take_out is None:
        yield _whole(path, function)
        return
    checked_name(path.name, "the artifact")
    with tempfile.TemporaryDirectory(prefix="mlparity-model-") as folder:
        taken: TakenOut = target.take_out(path, function, Path(folder))
        yield OneModel(path, taken.path, taken.function, taken.others, taken.beside)


def check_is_whole(model: OneModel) -> None:
    """Check that a model computes all that its file does, so that a source can be its reference.

    Raises:
        FormatError: it does not.
    """
    if model.beside:
        named, left = ", ".join(model.beside[:_NAMED]), len(model.beside) - _NAMED
        raise FormatError(
            "the model is a part of what the file runs, and a source has nothing that it could be compared with",
            where=f"{model.named}, {model.function}",
            found=f"beside it: {named}{f' and {left} more' if left > 0 else ''}",
            expected="one Core ML model that is all of its method",
            next_step="`mlparity run` and `mlparity inspect` take it; export with all ops delegated to verify it",
        )


_NAMED = 8


def _whole(path: Path, function: str) -> OneModel:
    if function:
        raise FormatError(
            f"the file has no function {function!r}",
            where=str(path),
            found="a format of one model",
            next_step="leave --function out, in Python function=",
        )
    return OneModel(path, path)


def _sha256(path: Path) -> str:
    if path.is_file():
        return sha256_of_file(path)
    target = checked_target(path)
    return target.metadata.sha256(path) if path.suffix in target.suffixes else sha256_of_folder(path, {})
