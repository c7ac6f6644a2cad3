"""The pytest plugin: a fixture that verifies a model, and options for its policy, its baselines and its reports."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import pytest

if TYPE_CHECKING:
    from torch import nn

    from mlparity.api import VerifyOptions
    from mlparity.core.session import SampleSet
    from mlparity.core.words import Setting
    from mlparity.record.policy import Policy
    from mlparity.record.record import Record


class AssertParity(Protocol):
    """The type of the fixture; the arguments are those of `mlparity.assert_parity`."""

    def __call__(
        self,
        source: str | nn.Module,
        inputs: str | SampleSet | Sequence[Mapping[str, object]] | None = None,
        *,
        artifact: str | Path | None = None,
        policy: str | Policy | None = None,
        settings: Sequence[str | Setting] = (),
        options: VerifyOptions | None = None,
    ) -> Record:
        """Verify, and fail the test with the reasons where the verdict is no pass."""
        ...


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options of the plugin to pytest's command line."""
    group = parser.getgroup("mlparity", "verification of converted models")
    group.addoption(
        "--mlparity-policy",
        metavar="POLICY",
        default="consistency",
        help="The policy of each assert_parity that names none: consistency, task, or a TOML file.",
    )
    group.addoption(
        "--mlparity-baseline",
        metavar="DIR",
        help="A folder of earlier records: each assert_parity fails where something got worse since.",
    )
    group.addoption(
        "--mlparity-update-baseline",
        action="store_true",
        help="Write the records of what passes into the folder of --mlparity-baseline, instead of comparing.",
    )
    group.addoption(
        "--mlparity-report",
        metavar="DIR",
        help="Keep records and reports in this folder instead of each test's temporary one.",
    )


def _file_name(test: str) -> str:
    """Return a name for the files of a test: its own, with a digest where the name alone would not tell it apart."""
    plain = re.sub(r"[^\w.-]+", "-", test).strip("-")
    if re.fullmatch(r"[\w./:-]+", test) and len(plain) <= _LONGEST:
        return plain
    return f"{plain[:_LONGEST]}-{hashlib.sha256(test.encode()).hexdigest()[:8]}"


_LONGEST = 100


@pytest.fixture
def assert_parity(request: pytest.FixtureRequest, tmp_path: Path) -> AssertParity:
    """Return `mlparity.assert_parity`, whose records and reports are kept in a folder for each call."""
    from mlparity.api.parity import assert_parity
    from mlparity.record.files import write_record

    calls, config = count(), request.config
    name = _file_name(request.node.nodeid)
    reports, baselines = config.getoption("mlparity_report"), config.getoption("mlparity_baseline")
    updates = bool(config.getoption("mlparity_update_baseline"))
    if updates and not baselines:
        raise pytest.UsageError("--mlparity-update-baseline needs --mlparity-baseline DIR")

    def kept(*arguments: object, **options: object) -> Record:
        __tracebackhide__ = True
        call = f"parity-{next(calls)}"
        out = Path(reports) / name / call if reports else tmp_path / call
        baseline = Path(baselines) / f"{name}-{call}.json" if baselines else None
        if baseline is not None and not updates and not baseline.exists():
            pytest.fail(f"no earlier record at {baseline}: make it with --mlparity-update-baseline", pytrace=False)
        given = {"policy": config.getoption("mlparity_policy"), **{k: v for k, v in options.items() if v is not None}}
        earlier = None if updates else baseline
        record = assert_parity(*arguments, out=out, baseline=earlier, **given)  # type: ignore[arg-type]
        if baseline is not None and updates:
            baseline.parent.mkdir(parents=True, exist_ok=True)
            write_record(record, baseline)
        return record

    return kept
