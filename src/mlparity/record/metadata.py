"""What of a record travels inside the model: a few texts under `com.mlparity.*`.

In an `.mlpackage` they are user-defined metadata of the spec, which Core ML and Xcode show, in an `.aimodel` its
creator's metadata; weights are not touched.
A `.tflite` is left as it is, and the texts go into a file beside it, `<name>.tflite.mlparity.json`: rewriting the
flatbuffer from Python loses the 16-byte alignment that the format asks of weights.
Source: `force_align: 16` of `Buffer.data`,
https://github.com/tensorflow/tensorflow/blob/master/tensorflow/compiler/mlir/lite/schema/schema.fbs
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from mlparity.core.decisive import decisive
from mlparity.core.errors import FormatError
from mlparity.core.mlpackage import SUFFIX
from mlparity.core.record import Artifact, Record, RowState, SettingResult
from mlparity.core.regular_files import SMALL, check_regular, read_regular
from mlparity.core.words import Standing, Verdict
from mlparity.record import aimodel
from mlparity.record.files import record_sha256, write_whole
from mlparity.record.package import PREFIX, read_user_defined, write_user_defined

_SHOWN = ("max_abs", "mean_abs")
# An estimate is of speed alone: no setting passes by it.
_OF_NUMBERS = tuple(standing for standing in Standing if standing is not Standing.ESTIMATED)


def metadata_of(record: Record, artifact: Artifact) -> dict[str, str]:
    """Return what an artifact carries: the verdict, the settings that passed with it, and the record's hash.

    `com.mlparity.passed.computed` lists the compute units (for other targets, the settings) that passed in numbers of
    that standing, and so do `.measured` and `.emulated`; each is empty where none did. `com.mlparity.recommended`
    names the setting to load this artifact with, and is empty where another artifact is recommended, or none.
    `com.mlparity.artifact.sha256` is the hash of what was verified, which these texts do not change.
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
        **{f"passed.{standing}": ", ".join(_passed(rows, standing)) for standing in _OF_NUMBERS},
        "recommended": _recommended(record, rows),
        "figures": json.dumps(figures, sort_keys=True, allow_nan=False),
        "record.sha256": record_sha256(record),
    }
    return {PREFIX + name: value for name, value in values.items()}


def write_metadata(path: Path, metadata: Mapping[str, str]) -> Path:
    """Store the texts in an `.mlpackage` or an `.aimodel`, or beside any other; return the file that was written.

    Texts under `com.mlparity.` that were there before are replaced; all others are kept.

    Raises:
        FormatError: the package cannot be read.
        OutputError: the file cannot be written; the artifact is left as it was.
    """
    if path.is_dir():
        is_aimodel = path.suffix == aimodel.SUFFIX
        return aimodel.write_texts(path, metadata, PREFIX) if is_aimodel else write_user_defined(path, metadata)
    beside = sidecar_of(path)
    text = json.dumps(dict(metadata), ensure_ascii=False, indent=1, sort_keys=True) + "\n"
    write_whole(beside, text.encode())
    return beside


def read_metadata(path: Path) -> dict[str, str]:
    """Return the texts under `com.mlparity.` that an artifact carries; empty where it was never verified.

    Raises:
        FormatError: the package, or the file beside the artifact, cannot be read.
    """
    if path.suffix == aimodel.SUFFIX:
        return aimodel.read_texts(path, PREFIX)
    if path.is_dir() or path.suffix == SUFFIX:
        return read_user_defined(path)
    if path.exists():
        check_regular(path)
    beside = sidecar_of(path)
    if not beside.exists():
        return {}
    try:
        data = json.loads(read_regular(beside, limit=SMALL))
    except (OSError, ValueError, RecursionError) as error:
        raise _wrong(beside, str(error)) from error
    if not isinstance(data, dict) or not all(isinstance(value, str) for value in data.values()):
        raise _wrong(beside, "another structure")
    return {name: value for name, value in data.items() if name.startswith(PREFIX)}


def sidecar_of(path: Path) -> Path:
    """Return the file beside an artifact that carries its metadata."""
    return path.with_name(f"{path.name}.mlparity.json")


def _is_of(result: SettingResult, artifact: Artifact) -> bool:
    same = result.setting.target is artifact.target and result.setting.precision is artifact.precision
    return same and result.state is RowState.COMPARED and (not result.artifact or result.artifact == artifact.path)


def _passed(rows: Sequence[SettingResult], standing: Standing) -> list[str]:
    return [_unit(row) for row in rows if row.verdict is Verdict.PASS and row.standing is standing]


def _recommended(record: Record, rows: Sequence[SettingResult]) -> str:
    names = [_unit(row) for row in rows if row.setting == record.recommendation.setting]
    return names[0] if names else ""


def _unit(result: SettingResult) -> str:
    unit = result.setting.compute_unit
    return str(result.setting) if unit is None else str(unit)


def _figures(result: SettingResult) -> dict[str, object]:
    outputs = {
        output.output: {name: repr(value) for name in _SHOWN if (value := output.figures.get(name)) is not None}
        for output in result.outputs
    }
    return {"verdict": str(result.verdict), "standing": str(result.standing), "outputs": outputs}


def _wrong(path: Path, found: str) -> FormatError:
    return FormatError(
        "the metadata beside the artifact cannot be read",
        where=str(path),
        found=found,
        expected="an object of texts, as mlparity writes it",
        next_step="delete the file and verify the model again",
    )
