"""What of a record travels with an artifact: a few texts under `com.mlparity.*`."""

from __future__ import annotations

import json
from collections.abc import Sequence

from mlparity.core.words import Provenance, Verdict
from mlparity.record.decisive import decisive
from mlparity.record.files import record_sha256
from mlparity.record.record import GIVEN, Artifact, Record
from mlparity.record.rows import RowState, SettingResult

PREFIX = "com.mlparity."
"""What all our keys begin with, after the precedent of `com.github.apple.coremltools.version`."""

_SHOWN = ("max_abs", "mean_abs")
# An estimate is of speed alone: no setting passes by it.
_OF_NUMBERS = tuple(provenance for provenance in Provenance if provenance is not Provenance.ESTIMATED)


def metadata_of(record: Record, artifact: Artifact) -> dict[str, str]:
    """Return what an artifact carries: the verdict, the settings that passed with it, and the record's hash.

    `com.mlparity.passed.computed` lists the compute units (for other targets, the settings) that passed in numbers of
    that provenance, and so do `.measured` and `.emulated`; each is empty where none did. `com.mlparity.recommended`
    names the setting to load this artifact with, and is empty where another artifact is recommended, or none.
    `com.mlparity.artifact.sha256` is the hash of what was verified, which these texts do not change;
    `com.mlparity.source.sha256` is that of the weights that it was converted from, empty for a file that was given.
    """
    rows = [result for result in decisive(record.settings) if _is_of(result, artifact)]
    figures = {str(result.setting): _figures(result) for result in rows}
    values = {
        "version": record.mlparity_version,
        "created": record.created,
        "policy": record.policy.name,
        "verdict": str(record.verdict),
        "precision": str(artifact.precision),
        "artifact.sha256": artifact.sha256,
        "source.sha256": "" if artifact.frontend == GIVEN else record.source.sha256,
        **{f"passed.{provenance}": ", ".join(_passed(rows, provenance)) for provenance in _OF_NUMBERS},
        "recommended": _recommended(record, rows),
        "figures": json.dumps(figures, sort_keys=True, allow_nan=False),
        "record.sha256": record_sha256(record),
    }
    return {PREFIX + name: value for name, value in values.items()}


def _is_of(result: SettingResult, artifact: Artifact) -> bool:
    own, setting = (artifact.target, artifact.precision, artifact.compression, artifact.deployment), result.setting
    same = own == (setting.target, setting.precision, setting.compression, setting.deployment)
    return same and result.state is RowState.COMPARED and (not result.artifact or result.artifact == artifact.path)


def _passed(rows: Sequence[SettingResult], provenance: Provenance) -> list[str]:
    return [_unit(row) for row in rows if row.verdict is Verdict.PASS and row.provenance is provenance]


def _recommended(record: Record, rows: Sequence[SettingResult]) -> str:
    return next((_unit(row) for row in rows if row.setting == record.recommendation.setting), "")


def _unit(result: SettingResult) -> str:
    unit = result.setting.compute_unit
    return str(result.setting) if unit is None else str(unit)


def _figures(result: SettingResult) -> dict[str, object]:
    outputs = {
        output.output: {name: repr(value) for name in _SHOWN if (value := output.figures.get(name)) is not None}
        for output in result.outputs
    }
    return {"verdict": str(result.verdict), "provenance": str(result.provenance), "outputs": outputs}
