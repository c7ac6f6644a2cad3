"""The pytest plugin: a fixture that keeps the report of each assertion in the test's own folder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import pytest

if TYPE_CHECKING:
    from torch import nn

    from mlparity.api import VerifyOptions
    from mlparity.core.session import SampleSet
    from mlparity.record.policy import Policy
    from mlparity.record.record import Record


class AssertParity(Protocol):
    """The type of the fixture; the arguments are those of `mlparity.assert_parity`."""

    def __call__(
        self,
        source: str | nn.Module,
        artifact: str | Path | None = None,
        inputs: str | SampleSet | Sequence[Mapping[str, object]] | None = None,
        policy: str | Policy = "consistency",
        *,
        options: VerifyOptions | None = None,
    ) -> Record:
        """Verify, and fail the test with the report where the verdict is no pass."""
        ...


@pytest.fixture
def assert_parity(tmp_path: Path) -> AssertParity:
    """Return `mlparity.assert_parity`, its record and report kept in `tmp_path/parity-N`."""
    from mlparity.api.parity import assert_parity

    numbers = count()

    def kept(*arguments: object, **options: object) -> Record:
        __tracebackhide__ = True
        return assert_parity(*arguments, out=tmp_path / f"parity-{next(numbers)}", **options)  # type: ignore[arg-type]

    return kept
