"""A whole model verified by a worker: its folder of results goes back as files."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch

from mlparity.core.errors import InputError, MlparityError
from mlparity.core.progress import silent
from mlparity.verification.blocks_elsewhere import read_files
from mlparity.verification.suite_file import ModelTable
from mlparity.verification.verify import run_verification

OPENER = f"{__name__}:open_models"


@dataclass(frozen=True, slots=True)
class WholeModel:
    """A model of a suite, and the folder that its relative paths start from."""

    table: ModelTable
    folder: Path


@dataclass(frozen=True, slots=True, eq=False)
class WholeResult:
    """The files of the results by their paths, or why there are none."""

    files: dict[str, np.ndarray] = field(default_factory=dict)
    failure: str = ""


def open_models(threads: int) -> Callable[[WholeModel], WholeResult]:
    """Return the function that verifies a model in this process, with so many threads."""
    torch.set_num_threads(threads)
    return _verified


def _verified(model: WholeModel) -> WholeResult:
    try:
        with tempfile.TemporaryDirectory(prefix="mlparity_") as folder:
            _enter(model.folder)
            table, out = model.table, Path(folder) / "out"
            run_verification(table.source, out, table.inputs, table.policy, table.options(), silent)
            return WholeResult(read_files(out))
    except MlparityError as error:
        return WholeResult(failure=str(error))


def _enter(folder: Path) -> None:
    try:
        os.chdir(folder)
    except OSError as error:
        raise InputError(
            "a worker does not see the folder of the suite",
            where=str(folder),
            found=str(error),
            expected="the same files under the same paths on every machine",
            next_step="share the folder, or run the suite with --ray local",
        ) from error
