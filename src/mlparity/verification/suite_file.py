"""The file of a suite: many models, each with its source, samples, policy and settings."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, Field

from mlparity.core.errors import InputError
from mlparity.targets.table import settings_from
from mlparity.toml.table import A_TABLE, Fault, Flag, Problem, Table, Text, expecting, problem, read_table
from mlparity.verification.options import VerifyOptions, pairs_from

Texts = Annotated[list[Text], expecting("a list of texts")]
Pairs = Annotated[dict[str, Text], expecting("a table of names")]
Count = Annotated[int, Field(ge=0), expecting("a whole number, 0 or more")]


class ModelTable(Table):
    """One model, as the options of `mlparity verify` have it; paths are relative to the current folder."""

    source: Text
    inputs: Text | None = None
    preprocess: Text | None = None
    policy: Text = "consistency"
    settings: Texts = Field(default_factory=list)
    artifacts: Texts = Field(default_factory=list)
    shapes: Texts = Field(default_factory=list)
    carry: Pairs = Field(default_factory=dict)
    limit: Count | None = None
    seed: Count = 0
    target: Text | None = None
    fp32_ops: Texts = Field(default_factory=list)
    eval_mode: Flag = False
    trust: Flag = False
    fix: Flag = False

    def options(self) -> VerifyOptions:
        """Return what `verify` is asked for.

        Raises:
            InputError: an unknown setting.
        """
        return VerifyOptions(
            settings=settings_from(self.settings),
            carry=pairs_from([f"{output}={name}" for output, name in self.carry.items()], "carry"),
            shapes=tuple(self.shapes),
            artifacts=tuple(map(Path, self.artifacts)),
            deployment_target=self.target,
            fp32_ops=tuple(self.fp32_ops),
            eval_mode=self.eval_mode,
            trust=self.trust,
            preprocess=self.preprocess,
            limit=self.limit,
            seed=self.seed,
            fix=self.fix,
        )


_NAME = re.compile(r"[A-Za-z0-9][\w.-]{0,99}")
_RESERVED = frozenset({"index.html", "index.md", "junit.xml", "suite.json"})


def _check_names(models: dict[str, ModelTable]) -> dict[str, ModelTable]:
    for name in models:
        if not _NAME.fullmatch(name) or name in _RESERVED or name.endswith(".resume"):
            raise problem("a name that a folder can have: letters, digits, _ - and .", key=name, found=name)
    if len({name.lower() for name in models}) < len(models):
        raise problem("names that differ in more than capital letters", found=", ".join(models))
    if not models:
        raise problem("at least one model, as a table [models.NAME]", found="none")
    return models


class SuiteFile(Table):
    """The models by their names, which are their folders in the results."""

    models: Annotated[dict[str, ModelTable], A_TABLE, AfterValidator(_check_names)]


def read_suite(path: Path) -> dict[str, ModelTable]:
    """Return the models of a suite.

    Raises:
        InputError: the file cannot be read, or a key or value in it is none.
    """
    return read_table(path, SuiteFile, lambda problem: _error(path, problem)).models


def _error(path: Path, found: Problem) -> InputError:
    return InputError(
        "the suite cannot be read" if found.fault is Fault.FILE else "the suite is not valid",
        where=f"{path}, {found.where}" if found.where else str(path),
        found=found.found,
        expected=found.expected,
        next_step=found.advice or "correct the file; docs/how-to/verify-many-models.md shows one",
    )
